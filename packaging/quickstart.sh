#!/bin/bash
# From a fresh clone to notifications that arrive: installs what building takes, builds, starts the
# gateway with conf/quickstart.yaml, sends notifications and shows where each went.
set -euo pipefail

cd "$(dirname "$0")/.."

usage() {
  cat <<'USAGE'
usage: packaging/quickstart.sh [--stop-after]

  --stop-after  end the gateway when everything was shown, instead of leaving it running

variables:
  TOCSIN_BINARY      a gateway that is built already: nothing is installed or built
  TOCSIN_STATE       the folder of its outbox, files and log (build/quickstart)
  TOCSIN_PORT        where notifications are sent (8080)
  TOCSIN_ADMIN_PORT  where the commands ask (9900)
USAGE
}

readonly TOCSIN=${TOCSIN_BINARY:-build/release/tocsin}
export TOCSIN_STATE=${TOCSIN_STATE:-$PWD/build/quickstart}
export TOCSIN_PORT=${TOCSIN_PORT:-8080} TOCSIN_ADMIN_PORT=${TOCSIN_ADMIN_PORT:-9900}
readonly INGEST=http://127.0.0.1:$TOCSIN_PORT/v1/notifications
readonly ADMIN=127.0.0.1:$TOCSIN_ADMIN_PORT
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
  for _ in $(seq 300); do
    ! grep -q ready "$TOCSIN_STATE/gateway.log" || return 0
    kill -0 "$PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "the gateway did not start:" >&2
  cat "$TOCSIN_STATE/gateway.log" >&2
  return 1
}

# Whatever happens before the end, no gateway stays behind.
stop() {
  [[ -n $PID ]] || return 0
  kill "$PID" 2>/dev/null || true
  wait "$PID" || true
  PID=
}

build() {
  step "installing what building takes"
  packaging/setup.sh --build-only
  command -v curl >/dev/null || apt-get install -y curl
  step "building $TOCSIN"
  cmake --preset release -DTOCSIN_TESTS=OFF >"$TOCSIN_STATE/cmake.log"
  ninja -C build/release
}

start() {
  step "starting the gateway: $TOCSIN run -c conf/quickstart.yaml"
  "$TOCSIN" check -c conf/quickstart.yaml
  "$TOCSIN" run -c conf/quickstart.yaml >"$TOCSIN_STATE/gateway.log" 2>&1 &
  PID=$!
  trap stop EXIT
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
}

# The failing receiver is tried three times.
wait_until_dead() {
  for _ in $(seq 100); do
    ! "$TOCSIN" dlq list --admin "$ADMIN" | grep -q flawed || return 0
    sleep 0.1
  done
}

show_all() {
  step "the archive (orders, and whatever no other route took)"
  show archive.jsonl
  step "on call (critical and above)"
  show oncall.jsonl
  step "dead letters: tocsin dlq list"
  "$TOCSIN" dlq list --admin "$ADMIN"
  step "outputs: tocsin outputs"
  "$TOCSIN" outputs --admin "$ADMIN"
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
  [[ -n ${TOCSIN_BINARY:-} ]] || build
  start
  send_some
  wait_until_dead
  show_all
  if [[ ${1:-} == --stop-after ]]; then
    step "stopping the gateway"
    kill "$PID"
    wait "$PID"
    PID=
    return
  fi
  trap - EXIT
  disown "$PID"
  step "the gateway goes on: stop it with   kill $PID"
  echo "metrics: curl http://$ADMIN/metrics     state: $TOCSIN_STATE"
}

main "$@"
