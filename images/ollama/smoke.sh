# Loads the mirror's smallest model (in /mirror) and lets it answer; the build ends here if Ollama and llama-server disagree.
set -eu
models=$HOME/.ollama/models
mkdir -p "$models/blobs" "$models/manifests/registry.ollama.ai/library/tiny-random"
cp /mirror/manifests/latest "$models/manifests/registry.ollama.ai/library/tiny-random/latest"
for blob in /mirror/blobs/sha256:*; do cp "$blob" "$models/blobs/sha256-${blob##*:}"; done

ollama serve > /tmp/serve.log 2>&1 &
for _ in $(seq 100); do
  if ollama list > /tmp/list 2>&1; then break; fi
  sleep 0.1
done

body='{"model": "tiny-random:latest", "prompt": "a", "stream": false, "options": {"num_predict": 8}}'
exec 3<> /dev/tcp/127.0.0.1/11434
printf 'POST /api/generate HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' ${#body} "$body" >&3
answer=$(cat <&3)
case $answer in
  *'"done":true'*) ;;
  *)
    tail -n 40 /tmp/serve.log >&2
    echo "$answer" >&2
    echo "Ollama $(ollama --version 2>&1) cannot use llama.cpp-tools $(dpkg-query -W -f '${Version}' llama.cpp-tools)" >&2
    exit 1
    ;;
esac
dpkg-query -W -f '${Version}\n' llama.cpp-tools > /etc/llama-server.version
