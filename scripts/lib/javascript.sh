# Shared by scripts/test: other people's clients in Node.js, for the conformance tests. Sourced,
# not run.

# javascript: installs the packages of the lock; again only when it changed.
javascript() {
  local folder=tests/conformance/js stamp wanted
  stamp=$folder/node_modules/.installed
  wanted=$(cksum < $folder/package-lock.json)
  [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && return
  npm ci --prefix $folder --loglevel=error --prefer-offline ${DECENTRALML_CACHE:+--cache "$DECENTRALML_CACHE/npm"}
  echo "$wanted" > $stamp
}
