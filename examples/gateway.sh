#!/bin/sh
# A gateway in curl: it provisions itself, fetches its configuration, reports readings, sends a heartbeat and its log.
#
#   FLEETD_URL=http://127.0.0.1:7080 CLAIM_TOKEN=... examples/gateway.sh
#   examples/gateway.sh http://127.0.0.1:7080 CLAIM_TOKEN
#
# HW_ID       its hardware id; 24:6F:28:AE:52:10 unless said, which is gateway-1 of examples/01-first-site
# STATE_FILE  where it keeps its identity and token; ./gateway-state unless said
#
# The claim token is needed the first time only: it is exchanged for a token of the gateway's own. The readings have
# fixed times, so that sending them again adds nothing: fleetd counts them as duplicates. Needs sh, curl, sed, tr, mktemp.
set -eu

url=${1:-${FLEETD_URL:-}}
claim_token=${2:-${CLAIM_TOKEN:-}}
hw_id=${HW_ID:-24:6F:28:AE:52:10}
state_file=${STATE_FILE:-gateway-state}
firmware=1.4.2

fail() {
    printf 'gateway.sh: %s\n' "$1" >&2
    exit 1
}

[ -n "$url" ] || fail 'where is fleetd? Set FLEETD_URL, such as http://127.0.0.1:7080'
url=${url%/}
for tool in curl sed tr mktemp; do
    command -v "$tool" >/dev/null || fail "$tool is missing: install it"
done

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
token=

# call PATH BODY: posts JSON; leaves the HTTP status in $status and the answer in the file $answer.
# The token goes through standard input, so that no list of processes shows it.
call() {
    if [ -n "$token" ]; then
        authorization="header = \"Authorization: Bearer $token\""
    else
        authorization=
    fi
    status=$(printf '%s\n' "$authorization" | curl --silent --show-error --max-time 30 --config - \
        --header 'Content-Type: application/json' --data "$2" \
        --output "$answer" --write-out '%{http_code}' "$url$1") ||
        fail "no answer from $url$1: is fleetd running there?"
}

# expect WHAT: the last call must have succeeded.
expect() {
    case $status in
    2??) ;;
    401) fail "$1: the token is refused. Was the device deleted? Remove $state_file and use a new claim token: $(cat "$answer")" ;;
    *) fail "$1: HTTP $status $(cat "$answer")" ;;
    esac
}

# field NAME: a text or number of the answer, by the first occurrence of its name.
field() {
    tr '{,' '\n\n' <"$answer" | sed -n 's/^ *"'"$1"'" *: *"\{0,1\}\([^"}]*\).*$/\1/p' | sed -n 1p
}

# 1. An identity: once, with the claim token.
if [ -s "$state_file" ]; then
    device_id=$(sed -n 's/^deviceId=//p' "$state_file")
    token=$(sed -n 's/^token=//p' "$state_file")
    [ -n "$device_id" ] && [ -n "$token" ] || fail "$state_file is damaged: remove it, and provision again with a new claim token"
    echo "provisioned before as $device_id"
else
    [ -n "$claim_token" ] || fail 'a claim token is needed the first time: fleetctl device claim-token create --org ORG; then set CLAIM_TOKEN'
    call /api/devices/provision \
        "{\"hwId\":\"$hw_id\",\"model\":\"esp32\",\"firmwareVersion\":\"$firmware\",\"claimToken\":\"$claim_token\"}"
    [ "$status" != 409 ] || fail "fleetd knows $hw_id already, and only its own token gets it a new one: bring back $state_file, or delete the device. $(cat "$answer")"
    expect 'provisioning'
    device_id=$(field deviceId)
    token=$(field token)
    [ -n "$device_id" ] && [ -n "$token" ] || fail "provisioning: the answer has no deviceId or token: $(cat "$answer")"
    (umask 077 && printf 'deviceId=%s\ntoken=%s\n' "$device_id" "$token" >"$state_file")
    echo "provisioned as $device_id"
fi

# 2. What to poll.
call "/api/devices/$device_id/config" \
    "{\"deviceId\":\"$device_id\",\"firmwareVersion\":\"$firmware\",\"schemaVersion\":1}"
config_version=
if [ "$status" = 404 ]; then
    echo 'no configuration yet'
else
    expect 'configuration'
    config_version=$(field configVersion)
    echo "configuration $(field configId), version $config_version"
fi

# 3. What it measured. Slave 1 is the heat meter; the last two are the gateway's own.
readings=
add() {
    readings="$readings${readings:+,}$1"
}
minute=0
while [ "$minute" -lt 5 ]; do
    at="2026-01-01T00:0$minute:00Z"
    slave="\"slaveId\":1,\"timestamp\":\"$at\""
    add "{\"dataType\":\"temperature\",\"registerLabel\":\"flowTemperature\",\"value\":6$minute.5,\"unit\":\"°C\",$slave}"
    add "{\"dataType\":\"temperature\",\"registerLabel\":\"returnTemperature\",\"value\":4$minute.25,\"unit\":\"°C\",$slave}"
    add "{\"dataType\":\"power\",\"registerLabel\":\"heatPower\",\"value\":1200$minute,\"unit\":\"W\",$slave}"
    add "{\"dataType\":\"boardTemperature\",\"value\":3$minute.75,\"unit\":\"°C\",\"timestamp\":\"$at\"}"
    minute=$((minute + 1))
done
add '{"dataType":"resetReason","value":"power on","timestamp":"2026-01-01T00:00:00Z"}'
call /api/telemetry/ingest "{\"deviceId\":\"$device_id\",\"readings\":[$readings]}"
expect 'telemetry'
echo "telemetry $(cat "$answer")"

# 4. A sign of life; commands for it come with the answer. Each is answered.
call "/api/devices/$device_id/heartbeat" \
    "{\"deviceId\":\"$device_id\",\"uptimeSeconds\":3600,\"firmwareVersion\":\"$firmware\",\"configVersion\":\"$config_version\",\"freeHeap\":181204,\"rssi\":-61}"
expect 'heartbeat'
echo "heartbeat $(cat "$answer")"
command_ids=$(tr '{' '\n' <"$answer" | sed -n '/"type"/s/^.*"id" *: *"\([^"]*\)".*$/\1/p')
for command_id in $command_ids; do
    call "/api/devices/$device_id/commands/$command_id/result" '{"status":"confirmed","detail":"done by gateway.sh"}'
    expect "result of command $command_id"
    echo "confirmed command $command_id"
done

# 5. Its log.
call "/api/devices/$device_id/logs" \
    '{"entries":[{"timestamp":"2026-01-01T00:00:01Z","level":"info","message":"started"},{"timestamp":"2026-01-01T00:04:01Z","level":"warning","message":"slave 2 does not answer"}]}'
expect 'log'
echo "log $(cat "$answer")"
