#!/bin/bash
# From a fresh clone to notifications that arrive: installs what building takes, builds, starts the
# gateway with conf/quickstart.yaml, sends notifications and shows where each went.
set -euo pipefail

cd "$(dirname "$0")/.."

usage() {
  cat <<'USAGE'
usage: packaging/quickstart.sh [--stop-after]

  --stop-after  end the gateway when everything was shown, instead of leaving it running
USAGE
}

readonly TOCSIN=build/release/tocsin
export TOCSIN_STATE=$PWD/build/quickstart
readonly INGEST=http://127.0.0.1:8080/v1/notifications
PID=

step() { printf '\n==> %s\n' "$*"; }

send() {
  printf '%s\n    ' "$1"
  curl -sS --max-time 10 -H 'Content-Type: application/json' -d "$1" "$INGEST"
  echo
}

show() {
  if [[ -s $TOCSIN_STATE/$1 ]]; then
    sed 's/^/    /' "$TOCSIN_STATE/$1"
  else
    echo "    (nothing)"
  fi
}

# The gateway says "ready" in its log once it serves.
wait_until_ready() {
  for _ in $(seq 100); do
    ! grep -q ready "$TOCSIN_STATE/gateway.log" || return 0
    kill -0 "$PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "the gateway did not start:" >&2
  cat "$TOCSIN_STATE/gateway.log" >&2
  return 1
}

build() {
  step "installing what building takes"
  packaging/setup.sh --build-only
  command -v curl >/dev/null || apt-get install -y curl
  step "building $TOCSIN"
  cmake --preset release -DTOCSIN_TESTS=OFF >build/quickstart/cmake.log
  ninja -C build/release
}

start() {
  step "starting the gateway: $TOCSIN run -c conf/quickstart.yaml"
  "$TOCSIN" check -c conf/quickstart.yaml
  "$TOCSIN" run -c conf/quickstart.yaml >"$TOCSIN_STATE/gateway.log" 2>&1 &
  PID=$!
  wait_until_ready
  echo "running as process $PID, log in $TOCSIN_STATE/gateway.log"
}

send_some() {
  step "sending notifications to $INGEST"
  send '{"topic":"orders.paid","level":"notice","title":"Order 4711 was paid"}'
  send '{"topic":"disk.full","level":"critical","title":"Disk of db-1 is full","labels":{"host":"db-1"}}'
  send '{"topic":"cache.miss","level":"debug","title":"Not important enough"}'
  send '{"topic":"orders.paid","level":"notice","title":"Order 4711 was paid"}'
  send '{"topic":"report.failed","level":"error","title":"A receiver that fails","labels":{"receiver":"flawed"}}'
  send '{"topic":"orders.paid","level":"loud"}'
  sleep 2 # the failing receiver is tried three times
}

show_all() {
  step "the archive (orders, and whatever no other route took)"
  show archive.jsonl
  step "on call (critical and above)"
  show oncall.jsonl
  step "dead letters: tocsin dlq list"
  "$TOCSIN" dlq list
  step "outputs: tocsin outputs"
  "$TOCSIN" outputs
}

main() {
  case ${1:-} in
    '' | --stop-after) ;;
    *)
      usage >&2
      return 2
      ;;
  esac
  mkdir -p "$TOCSIN_STATE"
  build
  start
  send_some
  show_all
  if [[ ${1:-} == --stop-after ]]; then
    step "stopping the gateway"
    kill "$PID"
    wait "$PID"
    return
  fi
  disown "$PID"
  step "the gateway goes on: stop it with   kill $PID"
  echo "metrics: curl http://127.0.0.1:9900/metrics     state: $TOCSIN_STATE"
}

main "$@"
