#!/bin/sh
# job.sh LOCK LOG LIMIT JITTER COMMAND...: what cron runs. Begins up to JITTER seconds later, holds
# LOCK while it works, is ended after LIMIT seconds, with 15 minutes to clean up, and logs to LOG;
# what failed is also printed, so that cron mails it. It needs nothing of its environment.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 077
lock=$1 log=$2 limit=$3 jitter=$4
shift 4

out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

tell() { # the moment and the process in front of each line; one write a line, as jobs share the log
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$$" "$line" >>"$log"
  done
}

fail() { # code, words
  echo "$2: $job" | tee -a "$out" | tell
  cat "$out"
  exit "$1"
}

job="$*"
( # under a lock, or a second job would move the new log over the old one
  flock 8
  if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 10000000 ]; then mv -f "$log" "$log.1"; fi
) 8>>"$log.lock"
true >>"$lock" || fail 1 "the lock $lock can't be opened" # where exec fails, dash ends at once
exec 9>>"$lock"
flock -n 9 || fail 3 'not started, as the last one is still at work'
random=$(od -An -N4 -tu4 /dev/urandom)
sleep "$((random % (jitter + 1)))"
echo "begins: $job" | tell
timeout --kill-after=900 "$limit" "$@" </dev/null >"$out" 2>&1
code=$?
tell <"$out"
case $code in
  0) echo "done: $job" | tell ;;
  124 | 137) fail "$code" "ended after $limit s, its limit" ;;
  *) fail "$code" "failed with $code" ;;
esac
