# Brings the models of MODELS_TO_PULL into the volume: those of Ollama's library from LIBRARY, each other one from its own
# host, by plain http from those in PLAIN_HTTP. Blanks or commas separate the entries of MODELS_TO_PULL.
# The serving Ollama uses the same volume meanwhile. It sees a model only once the model is whole and has the digest that
# it must have: a server of this script's own pulls into a directory that shares the blobs and has its own manifests, and
# the manifests of all models come over in the end. The last line of output is a JSON object: model name to digest.
set -euo pipefail
home=$HOME/.ollama
models=$home/models staging=$home/staging
speak_every=5 patience=60 # seconds
part='[A-Za-z0-9_][A-Za-z0-9_.-]*'
grammar="^(([A-Za-z0-9][A-Za-z0-9_.-]*(:[0-9]+)?)/)?(([A-Za-z0-9_][A-Za-z0-9_-]*)/)?($part):($part)(@sha256:[0-9a-f]{64})?\$"
entries=() sources=() manifests=()

refuse() { # REASON
  echo "OLLAMA_MODELS: $1. The models are as they were." >&2
  exit 1
}

read -ra given <<< "${MODELS_TO_PULL//[$',\n\t']/ }"
for entry in "${given[@]}"; do
  [[ $entry =~ $grammar ]] || refuse "\"$entry\" is no model; write [host/][namespace/]name:tag"
  host=${BASH_REMATCH[2]} namespace=${BASH_REMATCH[5]} name=${BASH_REMATCH[6]} tag=${BASH_REMATCH[7]}
  if [ -z "$namespace" ]; then namespace=${host:-library} host=; fi
  case $namespace in *[.:]*) refuse "\"$entry\" has a host and no namespace; write host/namespace/name:tag" ;; esac
  host=${host:-registry.ollama.ai} source=https://$host/$namespace
  case " $PLAIN_HTTP " in *" $host "*) source=http://$host/$namespace ;; esac
  if [ "$host" = registry.ollama.ai ]; then source=$LIBRARY/$namespace; fi
  case $source in *://*/*/*) source=$LIBRARY ;; esac # a mirror that is one namespace has every model there
  entries+=("$entry") sources+=("$source/$name:$tag") manifests+=("$host/$namespace/$name/$tag")
done
total=${#entries[@]}
[ "$total" != 0 ] || refuse "it names no model"

rm -rf "$staging"
mkdir -p "$models/blobs" "$models/manifests" "$staging/manifests"
ln -s ../models/blobs "$staging/blobs"
if [ -n "${EXTRA_CA:-}" ]; then
  cat /etc/ssl/certs/ca-certificates.crt > /tmp/ca.pem
  printf '%s\n' "$EXTRA_CA" >> /tmp/ca.pem
  export SSL_CERT_FILE=/tmp/ca.pem
fi

in_url() { # TEXT: each byte in the form that stands for nothing else in a URL
  printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'
}

if [ -d /run/ollama-init ]; then
  login=$(cat /run/ollama-init/proxy-login) || refuse "the file with models.proxyLogin is gone; run \`pulumi up --refresh\`"
  export HTTPS_PROXY="${HTTPS_PROXY%%//*}//$(in_url "${login%%:*}"):$(in_url "${login#*:}")@${HTTPS_PROXY#*//}"
fi

OLLAMA_MODELS=$staging ollama serve > /tmp/serve.log 2>&1 &
server=$!
trap 'kill "$server" 2> /dev/null; wait "$server" 2> /dev/null || :' EXIT
trap 'exit 143' TERM
tries=0
until ollama list > /dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ] || ! kill -0 "$server" 2> /dev/null; then
    sed -E 's#//[^/@ ]+@#//***@#g' /tmp/serve.log >&2 # the server writes its environment down
    echo "the server of ollama-init did not start" >&2
    exit 1
  fi
  sleep 0.5
done

digest_of() { # Ollama's digest of a model is the SHA-256 of its manifest file.
  sha256sum "$1" | cut -d' ' -f1
}

blobs_of() { # MANIFEST...: the names of their blobs; nothing for no manifest.
  [ $# = 0 ] || grep -hoE 'sha256:[0-9a-f]{64}' "$@" | tr : - | sort -u
}

is_whole() { # MANIFEST: it is there, with all its blobs.
  [ -s "$1" ] || return 1
  local blob
  for blob in $(blobs_of "$1"); do [ -e "$models/blobs/$blob" ] || return 1; done
}

used_blobs() { # Those of every model in the volume.
  local every
  mapfile -t every < <(find "$models/manifests" -type f)
  blobs_of "${every[@]}"
}

drop() { # BLOB...: remove those that no model has.
  local blob used
  used=$(used_blobs)
  for blob in "$@"; do
    case $used in *"$blob"*) ;; *) rm -f "$models/blobs/$blob" "$models/blobs/$blob"-partial* ;; esac
  done
}

spoken=-$speak_every before=0 since=0 size= seen=none moved=0
progress() { # A line of Ollama's account of a pull: show it as percent, bytes, speed, time left.
  [[ $1 =~ \"total\":([0-9]+),\"completed\":([0-9]+) ]] || return 0
  local done=${BASH_REMATCH[2]} speed left
  if [ "$seen" != "${BASH_REMATCH[0]}" ]; then seen=${BASH_REMATCH[0]} moved=$SECONDS; fi
  if [ "$size" != "${BASH_REMATCH[1]}" ]; then size=${BASH_REMATCH[1]} before=$done since=$SECONDS spoken=$SECONDS; fi
  [ $((SECONDS - spoken)) -ge $speak_every ] || return 0
  speed=$(((done - before) / (SECONDS - since)))
  left="it stands still"
  if [ "$speed" -gt 0 ]; then
    left="$((speed / 1000000)).$((speed / 100000 % 10)) MB/s, $(((size - done) / speed)) s left"
  fi
  echo "$title: $((100 * done / size)) % of $((size / 1000000)) MB, $left"
  spoken=$SECONDS
}

pull() { # SOURCE: pull it once; on a failure, the reason is in $problem.
  local insecure=false body line wait=$patience
  case $1 in http:*) insecure=true ;; esac
  body="{\"model\": \"${1#*://}\", \"insecure\": $insecure}"
  exec 3<> /dev/tcp/127.0.0.1/11434
  printf 'POST /api/pull HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' ${#body} "$body" >&3
  problem="its registry does not answer" moved=$SECONDS
  while IFS= read -r -t "$wait" -u 3 line; do
    case $line in
      *'"error":"'*)
        problem=${line#*\"error\":\"}
        problem=${problem%\"*}
        problem=${problem//\\\"/\"}
        break
        ;;
      *'"status":"success"'*) problem= ;;
      *'"status":"verifying'*) wait=7200 ;; # no word comes while a large file is read
      *'"completed":'*)
        progress "$line"
        # Ollama asks again for a part that stands still, without end, and speaks on meanwhile.
        if [ $((SECONDS - moved)) -ge $patience ]; then
          problem="nothing has come for $patience s"
          break
        fi
        ;;
    esac
  done
  exec 3>&- # Ollama ends a pull whose client has left
  [ -z "$problem" ]
}

is_final() { # Whether another try would get the same answer.
  case $problem in
    *"file does not exist"* | *"no space left"* | *"invalid model"* | *"newer version"* | *x509* | *"realm host"* | *unauthorized* | *denied* | *"Location header"* | *"blocked redirect"* | *"Proxy Authentication"* | "nothing has come"*) ;;
    *) return 1 ;;
  esac
}

explained() { # Ollama's own reason, with what it means where its words do not say.
  case $problem in
    *"file does not exist"*) echo "its registry has no such model ($problem)" ;;
    *"realm host"* | *unauthorized* | *denied*) echo "its registry asks for a login, and Ollama has none ($problem)" ;;
    *"Proxy Authentication"*) echo "the proxy asks for a login, or refuses that of models.proxyLogin ($problem)" ;;
    *"no space left"*) echo "the volume is full, $(df -h "$models" | awk 'END {print $4}') are free ($problem)" ;;
    *"no Location header"*) echo "its registry sends blobs itself, which Ollama cannot take (docs/operations.md) ($problem)" ;;
    *"blocked redirect"*) echo "its registry sends blobs from another host, which Ollama does not follow (docs/operations.md) ($problem)" ;;
    *"no such host"* | *"connection refused"* | *"i/o timeout"*) echo "its registry cannot be reached ($problem)" ;;
    *) echo "$problem" ;;
  esac
}

fail() { # REASON
  printf '%s: %s\nThe models are as they were.\n' "$title" "$1" >&2
  exit 1
}

if [ -e "$home/outdated" ]; then # what a run before this one has replaced: nobody is about to load it any more
  mapfile -t old < "$home/outdated"
  drop "${old[@]}"
  rm "$home/outdated"
fi

for ((at = 0; at < total; at++)); do
  model=${entries[at]%@sha256:*}
  wanted=${entries[at]#"$model"}
  wanted=${wanted#@sha256:}
  here=$models/manifests/${manifests[at]}
  pulled=$staging/manifests/${sources[at]#*://}
  pulled=${pulled%:*}/${pulled##*:}
  title="model $((at + 1))/$total: $model"
  if is_whole "$here" && [ "$wanted" = "$(digest_of "$here")" ]; then
    echo "$title is there already"
    continue
  fi
  tries=3
  if [ -z "$wanted" ] && is_whole "$here"; then tries=1; fi
  echo "$title: pulling from ${sources[at]}"
  for ((try = 1; ; try++)); do
    if pull "${sources[at]}"; then break; fi
    if [ "$try" -ge "$tries" ] || is_final; then break; fi
    echo "$title: $problem; trying again ($((try + 1)) of $tries)"
    sleep $((2 ** try))
  done
  if [ -n "$problem" ]; then
    case $problem in *"no space left"*) rm -f "$models"/blobs/*-partial* ;; esac # or the disk would stay full
    [ "$tries" = 1 ] || fail "$(explained)"
    echo "$title: the one that is there stays, for a newer one cannot be had: $(explained)"
    rm -f "$pulled"
    continue
  fi
  got=$(digest_of "$pulled")
  if [ -n "$wanted" ] && [ "$wanted" != "$got" ]; then
    mapfile -t wrong < <(blobs_of "$pulled")
    rm "$pulled"
    drop "${wrong[@]}"
    fail "$model has digest sha256:$got, but OLLAMA_MODELS pins sha256:$wanted"
  fi
done

found='' listed=''
for ((at = 0; at < total; at++)); do
  model=${entries[at]%@sha256:*}
  here=$models/manifests/${manifests[at]}
  pulled=$staging/manifests/${sources[at]#*://}
  pulled=${pulled%:*}/${pulled##*:}
  if [ -e "$pulled" ]; then
    if [ -e "$here" ] && ! cmp -s "$here" "$pulled"; then blobs_of "$here" >> "$home/outdated"; fi
    mkdir -p "${here%/*}"
    cp "$pulled" "$staging/next" # and not moved: two names may have one source
    mv "$staging/next" "$here"
  fi
  digest=$(digest_of "$here")
  echo "model $((at + 1))/$total: $model has digest sha256:$digest"
  shown=${model#registry.ollama.ai/}
  shown=${shown#library/} # as Ollama lists it
  listed="$listed$shown"$'\n'
  found="$found${found:+, }\"$shown\": \"sha256:$digest\""
done
printf '%s' "$listed" > "$home/listed"

if [ -n "$PRUNE" ]; then
  while IFS= read -r -d '' file; do
    case " ${manifests[*]} " in
      *" ${file#"$models/manifests/"} "*) ;;
      *) rm "$file" && echo "removed ${file#"$models/manifests/"}, which OLLAMA_MODELS does not name" ;;
    esac
  done < <(find "$models/manifests" -type f -print0)
  find "$models/manifests" -mindepth 1 -type d -empty -delete
  mapfile -t all < <(find "$models/blobs" -type f -printf '%f\n' | sed 's/-partial.*//' | sort -u)
  drop "${all[@]}"
  rm -f "$home/outdated"
fi
rm -rf "$staging"
echo "{$found}"
