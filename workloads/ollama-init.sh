# Pulls MODELS_TO_PULL (blank-separated name:tag[@sha256:digest]) into the volume, from MODEL_REGISTRY if that is set.
# The last line of output is a JSON object: model name to manifest digest.
set -eu
ollama serve >/tmp/serve.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || :' EXIT
tries=0
until ollama list >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ] || ! kill -0 "$server" 2>/dev/null; then
    cat /tmp/serve.log >&2
    echo "the server of ollama-init did not start" >&2
    exit 1
  fi
  sleep 0.5
done

manifest_of() {
  case ${1%:*} in
    *.*/*/* | *:*/*/*) path=$1 ;;
    */*) path=registry.ollama.ai/$1 ;;
    *) path=registry.ollama.ai/library/$1 ;;
  esac
  echo "$HOME/.ollama/models/manifests/${path%:*}/${path##*:}"
}

digest_of() { # Ollama's digest of a model is the SHA-256 of its manifest file.
  sha256sum "$(manifest_of "$1")" | cut -d' ' -f1
}

pull() {
  if [ -z "$MODEL_REGISTRY" ]; then
    ollama pull "$model"
    return
  fi
  case $model in */*) remote=$MODEL_REGISTRY/$model ;; *) remote=$MODEL_REGISTRY/library/$model ;; esac
  case $MODEL_REGISTRY in http:*) insecure=--insecure ;; *) insecure= ;; esac
  ollama pull $insecure "$remote"
  ollama cp "$remote" "$model" # the registry is where the model came from, not what it is called
  ollama rm "$remote" >/dev/null
}

total=0
for entry in $MODELS_TO_PULL; do total=$((total + 1)); done
number=0
found=
for entry in $MODELS_TO_PULL; do
  number=$((number + 1))
  model=${entry%@sha256:*}
  wanted=${entry#"$model"}
  wanted=${wanted#@sha256:}
  manifest=$(manifest_of "$model")
  if [ -n "$wanted" ] && [ -e "$manifest" ] && [ "$wanted" = "$(digest_of "$model")" ]; then
    echo "model $number/$total: $model is there already"
  else
    echo "model $number/$total: pulling $model"
    before=
    if [ -e "$manifest" ]; then
      before=/tmp/before
      cp "$manifest" "$before"
    fi
    pull
    if [ -n "$wanted" ] && [ "$wanted" != "$(digest_of "$model")" ]; then
      got=$(digest_of "$model")
      if [ -n "$before" ]; then cp "$before" "$manifest"; else ollama rm "$model" >/dev/null; fi
      echo "$model has digest sha256:$got, but OLLAMA_MODELS pins sha256:$wanted; the models are as they were" >&2
      exit 1
    fi
  fi
  digest=$(digest_of "$model")
  echo "model $number/$total: $model has digest sha256:$digest"
  found="$found${found:+, }\"$model\": \"sha256:$digest\""
done
echo "{$found}"
