#!/bin/bash
# Builds and runs the tests: one command for a developer, the integration server and .ci/run.
# What a part needs is installed first, through packaging/setup.sh. Everything listens on loopback.
set -euo pipefail

cd "$(dirname "$0")/.."

readonly RESULTS=build/results
JOBS=$(nproc)
readonly JOBS
readonly PYTHON=/usr/bin/python3 # the distribution's: pytest and yaml are installed for it
readonly FUZZ_SECONDS_ALONE=60
readonly FUZZ_SECONDS_IN_ALL=10

# What one compilation left behind serves every build folder and every checkout.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1
export CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}
# A finding ends the program, so that no test passes over it.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_init_order=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
# clang's sanitizers name source lines only with this beside them on the path.
export PATH=$PATH:/usr/lib/llvm-19/bin

usage() {
  cat <<'USAGE'
usage: tests/run.sh [unit|e2e|lint|asan|tsan|fuzz|all]

  unit  the unit tests of the release build
  e2e   the end-to-end tests, which start the release binary on loopback
  lint  layers, sizes, formatting, clang-tidy, scripts, YAML, and the tests of these checks
  asan  unit tests and the end-to-end tests marked "sanitize", under AddressSanitizer and
        UndefinedBehaviorSanitizer
  tsan  the same under ThreadSanitizer
  fuzz  each fuzz target for 60 s from its seeds in tests/fuzz/corpus/; FUZZ_SECONDS changes that
  all   (default) lint, asan, tsan, fuzz with 10 s a target, unit, e2e

The first part that fails ends the run. Reports for machines are written to build/results/.
USAGE
}

# Runs a command in a shell of its own that ends at its first failing command, and leaves its exit
# code in STATUS. Inside an `if` or before `||` that shell would go on, so it stands alone.
guarded() {
  set +e
  (
    set -e
    "$@"
  )
  STATUS=$?
  set -e
}

header() { printf '\n=== %s ===\n' "$*"; }

# --- building -------------------------------------------------------------------------------------

configure() { cmake --preset "$1" >"$RESULTS/configure-$1.log" || {
  cat "$RESULTS/configure-$1.log"
  return 1
}; }

build() {
  local preset=$1
  shift
  header "build $preset"
  configure "$preset"
  ninja -C "build/$preset" -j "$JOBS" -k 0 "$@" # every error is told, not the first alone
}

# --- the runners ----------------------------------------------------------------------------------

# Keeps the runner's own last words for the end of the run.
summarise() {
  local title=$1 log=$2 pattern=$3
  {
    printf '%s:\n' "$title"
    grep -E "$pattern" "$log" || echo "no summary: it ended early"
  } >>"$RESULTS/summary.txt"
}

# One line for each passed test would bury the rest; failures and the summary stay.
without_passes() { sed -E '/^ *(Start +[0-9]+:|[0-9]+\/[0-9]+ Test .* Passed )/d'; }

run_ctest() {
  local preset=$1 status=0
  header "ctest, $preset"
  ctest --test-dir "build/$preset" --parallel "$JOBS" --output-on-failure --no-tests=error \
    --output-junit "$PWD/$RESULTS/ctest-$preset.xml" | tee "$RESULTS/ctest-$preset.log" |
    without_passes || status=$?
  summarise "ctest, $preset" "$RESULTS/ctest-$preset.log" '^[0-9]+% tests passed'
  return "$status"
}

# No test collected is exit code 5 of pytest, and so a failure like any other.
run_pytest() {
  local name=$1 status=0
  shift
  header "pytest, $name"
  "$PYTHON" -m pytest -q -p no:cacheprovider --junitxml "$RESULTS/pytest-$name.xml" "$@" |
    tee "$RESULTS/pytest-$name.log" || status=$?
  summarise "pytest, $name" "$RESULTS/pytest-$name.log" ' in [0-9.]+s'
  return "$status"
}

# --- the parts ------------------------------------------------------------------------------------

part_unit() {
  build release
  run_ctest release
}

part_e2e() {
  build release
  TOCSIN_BUILD=build/release run_pytest e2e tests/e2e
}

sanitized() {
  local preset=$1
  build "$preset"
  run_ctest "$preset"
  TOCSIN_BUILD=build/$preset run_pytest "e2e-$preset" tests/e2e -m sanitize
}

part_asan() { sanitized asan; }
part_tsan() { sanitized tsan; }

# Seeds are only read; what the fuzzer finds new goes to build/fuzz/corpus/, a crash to
# build/fuzz/crashes/.
part_fuzz() {
  local seconds=${FUZZ_SECONDS:-$FUZZ_SECONDS_ALONE} program what
  local -a programs
  mapfile -t programs < <(find tests/fuzz -name 'fuzz_*.cc' -printf '%f\n' | sed 's/\.cc$//' | sort)
  if ((${#programs[@]} == 0)); then
    echo "there is no fuzz target in tests/fuzz"
    return 1
  fi
  build fuzz "${programs[@]}"
  for program in "${programs[@]}"; do
    what=${program#fuzz_}
    header "fuzz $what, $seconds s"
    mkdir -p "build/fuzz/corpus/$what" build/fuzz/crashes
    "build/fuzz/$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
      -print_final_stats=1 -artifact_prefix="build/fuzz/crashes/$what-" \
      "build/fuzz/corpus/$what" "tests/fuzz/corpus/$what" 2>&1 | tee "$RESULTS/fuzz-$what.log"
  done
  printf 'fuzz:\n%s targets for %s s each, no finding\n' "${#programs[@]}" "$seconds" >>"$RESULTS/summary.txt"
}

code_files() { find gateway plugins sdk tests -name build -prune -o -type f -regex '.*\.\(h\|hpp\|c\|cc\)' -print 2>/dev/null; }

# Every file whose first line names a shell, whatever its name is.
shell_files() {
  find packaging tests lua plugins .ci -type f 2>/dev/null |
    while read -r file; do
      ! head -n 1 "$file" | grep -qaE '^#!.*[/ ](ba|da)?sh( |$)' || printf '%s\n' "$file"
    done
}

lint_layers() { "$PYTHON" tests/lint/layers.py; }
lint_sizes() { "$PYTHON" tests/lint/sizes.py; }
lint_format() {
  code_files | xargs clang-format-19 --dry-run -Werror
  echo "clang-format: $(code_files | wc -l) files are formatted"
}
lint_scripts() {
  shell_files | xargs shellcheck
  echo "shellcheck: $(shell_files | wc -l) files are clean"
}
lint_yaml() {
  yamllint --strict .
  echo "yamllint: clean"
}
lint_tidy() {
  configure lint
  "$PYTHON" tests/lint/tidy.py --jobs "$JOBS"
}

# Every check runs, also after one that failed: each has news of its own.
part_lint() {
  local check
  local -a failed=()
  for check in layers sizes format scripts yaml tidy; do
    header "lint, $check"
    guarded "lint_$check"
    ((STATUS == 0)) || failed+=("$check")
  done
  guarded run_pytest lint tests/lint
  ((STATUS == 0)) || failed+=("the tests of the checks")
  if ((${#failed[@]} > 0)); then
    printf 'lint failed in: %s\n' "${failed[*]}" | tee -a "$RESULTS/summary.txt"
    return 1
  fi
}

# --- the run --------------------------------------------------------------------------------------

# clang and the linters are asked for only by the parts that use them.
install() {
  case $1 in
    unit | e2e | asan) packaging/setup.sh --no-tools ;;
    *) packaging/setup.sh ;;
  esac
}

# Prints how long each part took, then what the runners said last, or which part failed.
recap() {
  local broken=$1
  shift
  header "summary"
  printf '%s\n' "$@"
  if [[ -n $broken ]]; then
    cat "$RESULTS/summary.txt"
    printf 'tests/run.sh: part %s FAILED\n' "$broken"
    return 1
  fi
  printf 'tests/run.sh: every part passed in %d s\n' "$SECONDS"
  cat "$RESULTS/summary.txt"
}

main() {
  local part started broken=
  local -a parts times=()
  case ${1:-all} in
    -h | --help)
      usage
      return
      ;;
    # The release build's summaries are the ones most readers want, so they come last.
    all)
      parts=(lint asan tsan fuzz unit e2e)
      export FUZZ_SECONDS=${FUZZ_SECONDS:-$FUZZ_SECONDS_IN_ALL}
      ;;
    unit | e2e | lint | asan | tsan | fuzz) parts=("$1") ;;
    *)
      usage >&2
      return 2
      ;;
  esac
  install "${1:-all}"
  mkdir -p "$RESULTS"
  : >"$RESULTS/summary.txt"
  for part in "${parts[@]}"; do
    header "part $part"
    started=$SECONDS
    guarded "part_$part"
    times+=("$(printf '%-5s %4d s' "$part" $((SECONDS - started)))")
    if ((STATUS != 0)); then
      broken=$part
      break
    fi
  done
  recap "$broken" "${times[@]}"
}

main "$@"
