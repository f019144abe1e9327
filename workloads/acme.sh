# The edge's certificate, from an ACME authority: got once, renewed in time, and laid out for nginx as a pair of files that
# changes by one rename. It begins with the self-signed pair, so that nginx can start and answer the challenge.
set -u
umask 027
cd "$VOLUME"

lay_out() { # certificate, key
    pair="pairs/$(sha256sum "$1" | cut -c 1-12)"
    mkdir -p "$pair"
    cp "$1" "$pair/tls.crt.new" && cp "$2" "$pair/tls.key.new" || return
    chmod 0440 "$pair/tls.crt.new" "$pair/tls.key.new" || return # nginx is in the group
    mv "$pair/tls.crt.new" "$pair/tls.crt" && mv "$pair/tls.key.new" "$pair/tls.key" || return
    ln -sfn "$pair" current.new && mv -T current.new current
}

client() {
    # shellcheck disable=SC2046 # names have no blanks
    lego --accept-tos --email "$EMAIL" --server "$DIRECTORY" --path "$account" $(printf -- '--domains %s ' $NAMES) \
        --key-type ec256 --http --http.webroot "$VOLUME/webroot" "$@"
}

mkdir -p webroot
[ -e current/tls.crt ] || lay_out "$FIRST/tls.crt" "$FIRST/tls.key" || exit
if [ -n "$AUTHORITY" ]; then
    printf '%s\n' "$AUTHORITY" >/tmp/authority.pem
    export LEGO_CA_CERTIFICATES=/tmp/authority.pem
fi
# Another authority, or other names, are another account and another certificate. It is filed under the first name.
account="accounts/$(printf %s "$DIRECTORY $NAMES" | sha256sum | cut -c 1-12)"
got="$account/certificates/${NAMES%% *}"

trap 'exit 0' TERM INT
# An authority counts failed challenges: the first one waits until nginx runs.
until [ -L "$STATE/config" ]; do sleep 1; done
sleep 3
pause=60
while :; do
    if [ -e "$got.crt" ]; then
        client renew --days "$RENEW" --no-random-sleep
    else
        client run
    fi
    if [ $? -eq 0 ] && [ -e "$got.crt" ]; then
        cmp -s "$got.crt" current/tls.crt || { lay_out "$got.crt" "$got.key" && echo "a new certificate for $NAMES"; }
        pause=60 next=43200
    else
        echo "no certificate for $NAMES yet; tried again in $pause s" >&2
        next=$pause pause=$((pause * 2 > 3600 ? 3600 : pause * 2))
    fi
    sleep "$next" &
    wait $!
done
