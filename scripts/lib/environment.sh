# Shared by scripts/demo and scripts/test: a virtual environment in .venv with this package and
# the extras named. Sourced, not run.

# environment EXTRAS: leaves $python set. Installs only when pyproject.toml or the extras changed.
environment() {
  local extras=$1 stamp wanted base
  base=$(find_python) || {
    echo "Python 3.11 or newer is needed and was not found. Install it (Debian: apt install python3 python3-venv)." >&2
    exit 1
  }
  wanted=$("$base" -c 'import hashlib,sys; print(hashlib.sha256(open("pyproject.toml","rb").read()+" ".join(sys.argv[1:]).encode()).hexdigest())' "$PWD" "$("$base" --version)")
  python=$PWD/.venv/bin/python
  for stamp in ${extras//,/ }; do
    [ "$(cat ".venv/.installed-$stamp" 2>/dev/null)" = "$wanted" ] || { install "$base" "$extras" "$wanted"; break; }
  done
}

find_python() {
  local name
  for name in python3.11 python3.12 python3.13 python3; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

install() {
  local base=$1 extras=$2 wanted=$3 extra quiet=--quiet
  [ -t 2 ] && quiet=  # somebody watches: show pip's progress
  echo "Setting up .venv with decentralml[$extras] (about a minute, and a large download the first time) ..." >&2
  [ -x .venv/bin/python ] || "$base" -m venv .venv
  .venv/bin/python -m pip install $quiet --disable-pip-version-check --editable ".[$extras]"
  for extra in ${extras//,/ }; do printf '%s\n' "$wanted" > ".venv/.installed-$extra"; done
}
