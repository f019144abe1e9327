# The address of the edge is the first argument.
pebble-challtestsrv -defaultIPv4 "$1" -defaultIPv6 "" -dns01 127.0.0.1:8053 -doh "" -http01 "" -https01 "" -tlsalpn01 "" &
exec pebble -config /pebble/config.json -dnsserver 127.0.0.1:8053
