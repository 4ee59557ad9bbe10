#!/bin/bash
# Installs what building, testing and linting Tocsin takes, from the distribution's own archive.
#
# Debian 12 lacks two packages (llhttp and jsoncons). There, and only there, the machine's own Debian
# source is repeated for the next suite and pinned so low that nothing but those packages can come
# from it. Everything else here is an ordinary apt-get install with daemons kept from starting.
set -euo pipefail

# Plain names that exist on every supported system. What a later part of Tocsin needs joins the list
# of the need it serves.
readonly BUILD_PACKAGES=(
  ccache cmake g++ lld ninja-build pkg-config
  libc-ares-dev libcctz-dev libcli11-dev libcurl4-openssl-dev libexpected-dev libfmt-dev libidn2-dev libjsoncons-dev
  libkainjow-mustache-dev libllhttp-dev liblua5.4-dev libspdlog-dev libsqlite3-dev libssl-dev libuv1-dev libyaml-cpp-dev
  prometheus-cpp-dev rapidjson-dev tzdata
)
# The unit tests are compiled with the rest, nginx, wrk and Alertmanager are the yardstick of the benches,
# promtool (in prometheus) reads the metrics page, jsonschema the OpenAPI documents; cryptography and jwt are
# the browser and the push service of web push. Mail goes to aiosmtpd and Postfix, and dkim checks its signatures.
readonly TEST_PACKAGES=(
  libgmock-dev libgtest-dev nginx openssl postfix prometheus prometheus-alertmanager python3 python3-aiosmtpd
  python3-cryptography python3-dkim python3-jsonschema python3-jwt python3-pytest python3-yaml wrk
)
readonly TOOL_PACKAGES=(
  clang-19 clang-format-19 clang-tidy-19 git libclang-rt-19-dev llvm-19 shellcheck universal-ctags
  yamllint
)
# Missing from Debian 12; they depend on libc6 alone.
readonly BORROWED_PACKAGES=(libllhttp-dev libllhttp9.2 libjsoncons-dev)
readonly BORROWED_SUITE=trixie

readonly APT_ETC=/etc/apt
readonly SOURCE_STEM=$APT_ETC/sources.list.d/tocsin-$BORROWED_SUITE
readonly PIN_FILE=$APT_ETC/preferences.d/tocsin-$BORROWED_SUITE
readonly POLICY_FILE=/usr/sbin/policy-rc.d
readonly POLICY_KEPT=$POLICY_FILE.kept-by-tocsin
readonly POLICY_MARK='# Put here by packaging/setup.sh for the length of one installation.'

usage() {
  cat <<'USAGE'
usage: packaging/setup.sh [--build-only | --no-tools] [--check | --list] [--help]

Installs the packages that Tocsin needs on Debian 12, Debian 13 and Ubuntu 24.10 or later.
Run it as root, or as a user who may use sudo. A second run finds everything in place and changes
nothing.

  --build-only  only what compiling takes: no test programs, no linters
  --no-tools    what compiling and testing take: no clang, no linters
  --check       say what is missing and change nothing; exit code 1 when anything is
  --list        print the package names, one a line, and change nothing
  --help        print this text

On Debian 12 it adds /etc/apt/sources.list.d/tocsin-trixie.{sources,list} and
/etc/apt/preferences.d/tocsin-trixie, through which three packages may come from Debian 13.
USAGE
}

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Prints those of the given packages that are not fully installed.
missing_of() {
  local package
  local -A installed=()
  # "binary:Package" would add ":amd64" to some names; "Package" is the plain one.
  # dpkg-query exits 1 when a name is unknown to it, which is an answer and not a fault here.
  while read -r package; do
    installed[$package]=1
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p')
  for package in "$@"; do
    [[ -n ${installed[$package]:-} ]] || printf '%s\n' "$package"
  done
}

# Prints those of the given packages that no configured source offers.
unavailable_of() {
  local package candidate
  for package in "$@"; do
    candidate=$(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')
    [[ -n $candidate && $candidate != "(none)" ]] || printf '%s\n' "$package"
  done
}

# Postfix would take the place of a mail server that is there already; then its tests are skipped.
has_other_mail_server() {
  dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
    awk '$1 == "installed" && $2 != "postfix" && / mail-transport-agent/ { found = 1 } END { exit !found }'
}

# --- Debian 12: a second suite for three packages -------------------------------------------------

# Reads a deb822 file, prints the stanza that serves this suite's main archive for the borrowed one.
# Whatever else the stanza says (mirror, key, proxies, snapshot options) is kept as it is.
derive_deb822() {
  awk -v from="$1" -v to="$BORROWED_SUITE" '
    function has_word(words, word) { return (" " words " ") ~ ("[ \t]" word "[ \t]") }
    function end_stanza() {
      if (!found && kept != "" && enabled && has_word(types, "deb") && has_word(suites, from) &&
          has_word(components, "main")) {
        found = 1
        printf "Types: deb\nSuites: %s\nComponents: main\n%s", to, kept
      }
      kept = types = suites = components = ""; enabled = 1
    }
    BEGIN { enabled = 1 }
    /^#/ { next }
    /^[ \t]*$/ { end_stanza(); next }
    {
      value = $0
      if ($0 !~ /^[ \t]/) {
        key = tolower($0); sub(/[ \t]*:.*/, "", key)
        sub(/^[^:]*:/, "", value)
      }
      if (key == "types") types = types " " value
      else if (key == "suites") suites = suites " " value
      else if (key == "components") components = components " " value
      else kept = kept $0 "\n"
      if (key == "enabled" && tolower(value) ~ /no|false|off|0|disable|without/) enabled = 0
    }
    END { end_stanza() }' "$2"
}

# The same for the classic one-line form: deb [options] URI SUITE COMPONENT...
derive_one_line() {
  sed -nE "s!^[[:space:]]*deb[[:space:]]+((\[[^]]*\][[:space:]]+)?[^[:space:]]+)[[:space:]]+$1[[:space:]]+(.*[[:space:]])?main([[:space:]].*)?\$!deb \1 $BORROWED_SUITE main!p" \
    "$2" | head -n 1
}

write_file() {
  local path=$1 content=$2
  printf '%s\n' "$content" >"$path.new"
  chmod 644 "$path.new"
  mv "$path.new" "$path"
}

# Finds how this machine reaches Debian, writes the same source for the borrowed suite and prints the
# path of what it wrote; prints nothing when there is no such source.
write_borrowed_source() {
  local file content suite
  rm -f "$SOURCE_STEM.sources" "$SOURCE_STEM.list"
  # A machine that never named its release calls it by its age.
  for suite in "$VERSION_CODENAME" oldstable; do
    for file in "$APT_ETC"/sources.list.d/*.sources; do
      [[ -f $file ]] || continue
      content=$(derive_deb822 "$suite" "$file")
      if [[ -n $content ]]; then
        write_file "$SOURCE_STEM.sources" "$content"
        printf '%s\n' "$SOURCE_STEM.sources"
        return
      fi
    done
    for file in "$APT_ETC/sources.list" "$APT_ETC"/sources.list.d/*.list; do
      [[ -f $file ]] || continue
      content=$(derive_one_line "$suite" "$file")
      if [[ -n $content ]]; then
        write_file "$SOURCE_STEM.list" "$content"
        printf '%s\n' "$SOURCE_STEM.list"
        return
      fi
    done
  done
}

# True when one of the given packages is among those that may be borrowed.
any_borrowed() {
  local package
  for package in "$@"; do
    [[ " ${BORROWED_PACKAGES[*]} " != *" $package "* ]] || return 0
  done
  return 1
}

# The pin is written before the source, so that there is no moment in which an upgrade could follow
# the new suite.
borrow_from_next_suite() {
  write_file "$PIN_FILE" "# Debian 12 lacks these packages; nothing else may come from $BORROWED_SUITE.
# Remove this file and $SOURCE_STEM.* before upgrading the system itself to $BORROWED_SUITE.
Package: *
Pin: release n=$BORROWED_SUITE
Pin-Priority: -10

Package: ${BORROWED_PACKAGES[*]}
Pin: release n=$BORROWED_SUITE
Pin-Priority: 100"
  local source
  source=$(write_borrowed_source)
  [[ -n $source ]] ||
    die "found no enabled source for $VERSION_CODENAME main under $APT_ETC to derive $BORROWED_SUITE from"
  say "added $source"
  # Reads the list of the new source alone; the others are fresh.
  apt-get update -o Dir::Etc::sourcelist="$source" -o Dir::Etc::sourceparts=/dev/null \
    -o APT::Get::List-Cleanup=0
}

# On a system that was upgraded in the meantime the old pin would block every package.
drop_stale_borrowing() {
  local file
  for file in "$PIN_FILE" "$SOURCE_STEM.sources" "$SOURCE_STEM.list"; do
    if [[ -e $file ]]; then
      rm -f "$file"
      say "removed $file, which only Debian 12 needs"
    fi
  done
}

# --- no daemon starts -----------------------------------------------------------------------------

restore_policy() {
  if [[ -e $POLICY_KEPT || -L $POLICY_KEPT ]]; then
    mv -f "$POLICY_KEPT" "$POLICY_FILE"
  elif grep -qsF "$POLICY_MARK" "$POLICY_FILE"; then
    rm -f "$POLICY_FILE"
  fi
}

# Install scripts ask policy-rc.d before they start a daemon; 101 means "not allowed".
forbid_daemons() {
  restore_policy # a run that was killed may have left its own behind
  trap restore_policy EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  if [[ -e $POLICY_FILE || -L $POLICY_FILE ]]; then
    mv "$POLICY_FILE" "$POLICY_KEPT"
  fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY_FILE"
  chmod 755 "$POLICY_FILE"
}

# --- the run --------------------------------------------------------------------------------------

install_packages() {
  local -a missing=("$@") unavailable
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  # Two runs at once would take turns at policy-rc.d; the second one waits here.
  exec 9<"$APT_ETC"
  flock 9

  [[ $VERSION_CODENAME == bookworm ]] || drop_stale_borrowing
  apt-get update
  mapfile -t unavailable < <(unavailable_of "${missing[@]}")
  if [[ $VERSION_CODENAME == bookworm ]] && any_borrowed "${unavailable[@]}"; then
    borrow_from_next_suite
    mapfile -t unavailable < <(unavailable_of "${missing[@]}")
  fi
  if ((${#unavailable[@]} > 0)); then
    die "no configured source offers: ${unavailable[*]} (supported: Debian 12, Debian 13, Ubuntu 24.10 or later)"
  fi
  forbid_daemons
  # Without a configuration it serves nobody, also after the next boot; tests write their own.
  if [[ " ${missing[*]} " == *" postfix "* ]]; then
    printf 'postfix postfix/main_mailer_type select No configuration\n' | debconf-set-selections
  fi
  apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

main() {
  local mode=install
  local -a wanted=("${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${TOOL_PACKAGES[@]}") missing
  local -a arguments=("$@")
  while (($# > 0)); do
    case $1 in
      --build-only) wanted=("${BUILD_PACKAGES[@]}") ;;
      --no-tools) wanted=("${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}") ;;
      --check) mode=check ;;
      --list) mode=list ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        die "unknown argument: $1"
        ;;
    esac
    shift
  done
  if [[ $mode == list ]]; then
    printf '%s\n' "${wanted[@]}"
    return
  fi

  command -v apt-get >/dev/null || die "this is no Debian or Ubuntu system: apt-get is missing"
  VERSION_CODENAME=
  # shellcheck source=/dev/null
  . /etc/os-release
  if has_other_mail_server; then
    mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | grep -vx postfix)
  fi
  mapfile -t missing < <(missing_of "${wanted[@]}")
  if ((${#missing[@]} == 0)); then
    say "all ${#wanted[@]} packages are installed; nothing to do"
    return
  fi
  say "missing: ${missing[*]}"
  if [[ $mode == check ]]; then
    return 1
  fi
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "installing takes root: run it as root or install sudo"
    exec sudo -- "$(realpath "$0")" "${arguments[@]}"
  fi
  install_packages "${missing[@]}"
  say "installed ${#missing[@]} packages; all ${#wanted[@]} are in place"
}

# Sourced, it only lends its functions to a test.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main "$@"
fi
