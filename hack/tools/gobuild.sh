# shellcheck shell=bash
# Sourced by hack/setup-*: builds programs from a module of hack/tools into a folder, once.
# The caller sets: me (its name, for messages), tools (the module's folder), out, programs
# ("import/path:binary" each), recipe (count up when the way of building changes), and a
# function stamps that prints the -X linker flags.

say() { printf '%s: %s\n' "$me" "$*" >&2; }

pinned_version() { # module: its version in go.mod, without the v
  awk -v module="$1" '$1 == module && $2 ~ /^v/ {print substr($2, 2); exit}' "$tools/go.mod"
}

released_at() { # module: when its version was published, so that the same pins give the same bytes
  (cd "$tools" && go list -m -f '{{.Time.Format "2006-01-02T15:04:05Z"}}' "$1")
}

# A binary is current when it was built from exactly these pins, in this way.
fingerprint() { { echo "$recipe"; cat "$tools/go.mod" "$tools/go.sum"; } | sha256sum | cut -d' ' -f1; }

is_current() { # binary, fingerprint
  [[ -x $out/$1 && -f $out/.$1.pins && $(<"$out/.$1.pins") == "$2" ]]
}

# Leaves with 3, so that callers can tell "cannot" from "failed".
require_go() {
  command -v go >/dev/null && return
  say "no go command on PATH: install Go $(awk '$1 == "go" {print $2}' "$tools/go.mod") or newer"
  exit 3
}

# go build -v names each package as it compiles it: count those, let everything else through.
count_packages() { # binary
  awk -v me="$me" -v what="$1" '!/^[[:alnum:]][[:alnum:]._~\/-]*$/ {print; next}
    ++n % 200 == 0 {printf "%s: %s: %d packages compiled\n", me, what, n; fflush()}' >&2
}

build() { # import path, binary, linker flags, fingerprint
  local started=$SECONDS new=$out/.$2.$$
  say "building $2 (minutes the first time)"
  (cd "$tools" && CGO_ENABLED=0 go build -v -trimpath -buildvcs=false -p "${GO_JOBS:-2}" -ldflags "$3" -o "$new" "$1" 2>&1) |
    count_packages "$2"
  mv "$new" "$out/$2" # whole or not at all
  echo "$4" >"$out/.$2.pins"
  say "built $2 in $((SECONDS - started)) s"
}

build_missing() {
  local program pins flags missing=()
  pins=$(fingerprint)
  for program in "${programs[@]}"; do
    is_current "${program#*:}" "$pins" || missing+=("$program")
  done
  if ((${#missing[@]})); then
    require_go
    mkdir -p "$out"
    flags="-s -w $(stamps)"
    for program in "${missing[@]}"; do build "${program%%:*}" "${program#*:}" "$flags" "$pins"; done
  fi
  say "ready in $out"
}

usage() { # script: the comment at its top
  awk 'NR > 1 && !/^#/ {exit} NR > 1 {sub(/^# ?/, ""); print}' "$1" >&2
  exit 2
}
