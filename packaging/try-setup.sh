#!/bin/bash
# Tries packaging/setup.sh, and the build after it, on a bare Debian of another release: a
# debootstrap folder, entered by chroot in a mount namespace of its own. The mounts vanish with the
# last process in it, so nothing is left to unmount and removing the folder cannot reach /dev.
# $(...) and ${...} in single quotes below belong to apt, dpkg, awk or the shell inside.
# shellcheck disable=SC2016
set -euo pipefail

REPOSITORY=$(cd "$(dirname "$0")/.." && pwd)
readonly REPOSITORY
readonly FOLDER_STEM=${TOCSIN_TRY_STEM:-/var/tmp/tocsin-debootstrap}

usage() {
  cat <<'USAGE'
usage: packaging/try-setup.sh SUITE [setup | build [TARGET...] | run COMMAND... | remove]

SUITE is a Debian release, bookworm or trixie. Root and debootstrap are needed. The mirror is the one
this machine itself uses.

  setup            (default) make the bare system unless it exists, run packaging/setup.sh twice in it,
                   and prove that the second run changes nothing, that no daemon was started, and, on
                   Debian 12, that only the borrowed packages came from the next suite
  build TARGET...  copy the working tree in, configure the release preset, build the targets (all by
                   default) and run the unit tests that were built
  run COMMAND...   run a command in it, in the copy of the working tree; a shell when none is named
  remove           delete the folder

The folder is /var/tmp/tocsin-debootstrap-SUITE and is kept for the next time; TOCSIN_TRY_STEM in the
environment replaces the part before the suite.
USAGE
}

say() { printf 'try-setup: %s\n' "$*"; }
die() {
  printf 'try-setup: %s\n' "$*" >&2
  exit 1
}

# Prints "URI RELEASE" for each of the machine's own sources that belongs to its own release.
own_sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v own="$OWN_SUITE" '$3 == "main" && ($2 == own || index($2, own "-") == 1) { print $1, $2 }' |
    sort -u
}

# The suite the machine runs is replaced by the one on trial: bookworm-security becomes
# trixie-security. The classic form is used because Debian 12's installer writes it.
foreign_sources() {
  own_sources | awk -v own="$OWN_SUITE" -v suite="$SUITE" \
    '{ sub("^" own, suite, $2); print "deb", $1, $2, "main" }'
}

make_bare_system() {
  local mirror
  mirror=$(own_sources | awk -v own="$OWN_SUITE" '$2 == own { print $1; exit }')
  [[ -n $mirror ]] || die "this machine has no Debian source of its own to take the mirror from"
  say "making a bare $SUITE in $FOLDER"
  rm -rf "$FOLDER"
  debootstrap --variant=minbase "$SUITE" "$FOLDER.new" "$mirror"
  foreign_sources >"$FOLDER.new/etc/apt/sources.list"
  # Proxies and clock settings of this machine hold for the system in the folder too.
  apt-config dump --format '%F "%v";%n' | grep -E '^Acquire::(https?::|Check-)' \
    >"$FOLDER.new/etc/apt/apt.conf.d/90tocsin-trial" || true
  rm -rf "$FOLDER.new/var/cache/apt/archives"/*.deb
  mv "$FOLDER.new" "$FOLDER"
}

# Copies what git tracks or would track; the build folder inside stays, so that ninja can go on.
copy_tree() {
  local tree=$FOLDER/src/tocsin
  mkdir -p "$tree"
  find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  (cd "$REPOSITORY" && git ls-files -coz --exclude-standard |
    while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
    tar --null -T - -cf -) | tar -xf - -C "$tree"
}

# Runs a command inside, as root, with its own /proc and no locale, HOME or ccache of this machine.
inside() {
  cp /etc/resolv.conf "$FOLDER/etc/resolv.conf"
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    folder=$1
    shift
    mount --make-rprivate /
    mount --rbind /dev "$folder/dev"
    mount -t proc proc "$folder/proc"
    exec chroot "$folder" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
      bash -c "cd /src/tocsin && exec \"\$@\"" inside "$@"
  ' enter "$FOLDER" "$@"
}

package_state() { inside dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n'; }

# Prints the installed packages that only the next suite offers: there is "trixie" in the lines under
# the installed version and no line of the system's own suite.
installed_from_next_suite() {
  inside bash -c 'apt-cache policy $(dpkg-query -W -f "\${Package} ")' | awk '
    function end_package() { if (installed && foreign && !own) print name }
    /^[^ ]/ { end_package(); name = $1; sub(/:$/, "", name); installed = foreign = own = 0; next }
    /^ \*\*\* / { installed = in_version = 1; next }
    /^     [^ ]/ { in_version = 0; next }
    in_version && / trixie\// { foreign = 1 }
    in_version && / bookworm/ { own = 1 }
    END { end_package() }' | sort
}

try_setup() {
  local before after answer foreign
  if [[ ! -d $FOLDER ]]; then
    make_bare_system
  fi
  copy_tree
  say "first run of setup.sh"
  inside packaging/setup.sh
  before=$(package_state)
  say "second run of setup.sh"
  SECONDS=0
  answer=$(inside packaging/setup.sh)
  printf '%s\n' "$answer"
  [[ $answer == *"nothing to do" ]] || die "the second run found something to do"
  ((SECONDS <= 2)) || die "the second run took $SECONDS s"
  after=$(package_state)
  [[ $before == "$after" ]] || die "the second run changed packages"
  inside packaging/setup.sh --check >/dev/null || die "--check disagrees"
  [[ ! -e $FOLDER/usr/sbin/policy-rc.d ]] || die "policy-rc.d was left behind"
  if [[ $SUITE == bookworm ]]; then
    foreign=$(installed_from_next_suite | tr '\n' ' ')
    [[ $foreign == "libjsoncons-dev libllhttp-dev libllhttp9.2 " ]] ||
      die "from the next suite came: $foreign"
    say "from the next suite came only: $foreign"
  fi
  say "$SUITE: setup.sh works and does nothing twice"
}

try_build() {
  [[ -d $FOLDER ]] || die "run 'try-setup.sh $SUITE setup' first"
  copy_tree
  inside cmake --preset release
  inside ninja -C build/release "$@"
  # A test program that was not asked for stands in the list as <name>_NOT_BUILT.
  inside ctest --test-dir build/release --output-on-failure --no-tests=error \
    --exclude-regex '_NOT_BUILT$'
  say "$SUITE: built and tested"
}

main() {
  if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    usage
    return
  fi
  (($# > 0)) || {
    usage >&2
    exit 2
  }
  SUITE=$1
  FOLDER=$FOLDER_STEM-$SUITE
  [[ $SUITE =~ ^[a-z]+$ ]] || die "a suite is one lower-case word, not '$SUITE'"
  local verb=${2:-setup}
  shift $(($# > 1 ? 2 : 1))
  ((EUID == 0)) || die "chroot takes root"
  command -v debootstrap >/dev/null || die "debootstrap is not installed (apt-get install debootstrap)"
  # shellcheck source=/dev/null
  OWN_SUITE=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  case $verb in
    setup) try_setup ;;
    build) try_build "$@" ;;
    run)
      [[ -d $FOLDER ]] || die "run 'try-setup.sh $SUITE setup' first"
      (($# > 0)) || set -- bash
      inside "$@"
      ;;
    remove) rm -rf "$FOLDER" "$FOLDER.new" ;;
    *)
      usage >&2
      die "unknown verb: $verb"
      ;;
  esac
}

main "$@"
