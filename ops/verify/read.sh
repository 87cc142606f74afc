# Reads files in batches, on several cores, and tells the checksums of each batch on its own.
#
#   timeout 0 nice -n NICE sh read.sh ROOT WORKERS NICE        (0 workers: one a core)
#
# Standard input: "batch ID BYTES LIMIT PACE" and BYTES bytes of names, each ended by NUL; "beat";
# "wake", which has xargs see whether a worker was killed; "end". LIMIT is how many seconds the
# reading may take (0: any). PACE is how many seconds to pause after the batch; or "PAUSE BYTES
# COUNT": the batch's one file is read in COUNT slices of so many bytes, with a pause after each.
# Standard output: "ready -z WORKERS" once ("ready n" when md5sum knows no -z); then for each batch
# what md5sum printed, NUL, its exit code, NUL, the md5 of the second look at the same files, LF,
# what it said on standard error, three NULs (which stand nowhere else), the ID, LF.
# Each worker writes to files of its own, and one process alone tells. An input that is cut off
# before its "end", or silent for 20 seconds, ends everything: nobody waits for the answers. The
# "end" comes when all answers have arrived; nobody watches the input after it.
# `timeout` makes the process group that is ended then.

LC_ALL=C
export LC_ALL
umask 077
root=$1 workers=$2 nice=$3
[ "$workers" != 0 ] || workers=$(nproc) || workers=1
for room in /dev/shm "${TMPDIR:-}" /tmp; do
    [ -z "$room" ] || ! room=$(mktemp -d "$room/ops-read.XXXXXX" 2>/dev/null) || break
done
[ -d "$room" ] || { echo "no temporary folder could be made in /dev/shm or /tmp" >&2; exit 73; }
clear() {
    trap '' HUP INT TERM PIPE
    rm -rf "$room" 2>/dev/null || { sleep 1; rm -rf "$room"; }
}
trap clear EXIT
# All of the group are told to end, some twice: the second must interrupt neither clear nor rm.
trap "trap '' HUP INT TERM PIPE; exit 143" HUP INT TERM PIPE
cd -P -- "$root" || exit 66
mkfifo "$room/beats" || exit 73

if md5sum -z /dev/null >/dev/null 2>&1; then zero=-z; else zero=; fi
if [ "$(stat --printf '%d %i %s %.10Y %.10Z' . 2>/dev/null)" = \
     "$(find . -maxdepth 0 -printf '%D %i %s %T@ %C@')" ]; then look=stat; else look=find; fi
if [ -z "$(xargs -s 1000000 -r echo </dev/null 2>&1)" ]; then many='-s 1000000'; else many=; fi
export room zero look many

cat >"$room/worker" <<'WORKER' || exit 73
[ "$1" != 0 ] || exit 0
names=$room/$1.names
read -r limit pause slice count <"$room/$1.pace"
guard= slowly=
[ "$limit" = 0 ] || guard="timeout --foreground $limit" slowly="timeout $limit"
{
    if [ -z "$slice" ]; then
        xargs -0 -r $many -a "$names" $guard md5sum $zero -- 2>"$room/$1.errors"
    else
        xargs -0 -a "$names" $slowly sh "$room/slowly" "$room/$1.whole" "$slice" "$count" \
            "$pause" 2>"$room/$1.errors" && cat "$names"
    fi
    printf '\0%s\0' $?
    if [ "$look" = stat ]; then
        xargs -0 -r $many -a "$names" stat --printf '%d %i %s %.10Y %.10Z\n' -- 2>/dev/null
    else
        xargs -0 -r $many -a "$names" sh -c \
            'exec find "$@" -maxdepth 0 -printf "%D %i %s %T@ %C@\n"' find 2>/dev/null
    fi | md5sum
} >"$room/$1.sums"
[ -n "$slice" ] || [ "$pause" = 0 ] || sleep "$pause"
echo "$1"
WORKER

cat >"$room/slowly" <<'SLOWLY' || exit 73
whole=$1 slice=$2 count=$3 pause=$4 name=$5
sum=$({
    while [ "$count" -gt 0 ]; do
        head -c "$slice" || exit
        count=$((count - 1))
        sleep "$pause"
    done && : >"$whole"
} <"$name" | md5sum)
rm "$whole" && printf '%s  ' "${sum%% *}"
SLOWLY

take() {
    while read -r word id bytes pace; do
        case $word in
            batch)
                echo . >&3 # on a slow line many batches may come before the next beat
                echo "$pace" >"$room/$id.pace" && head -c "$bytes" >"$room/$id.names" || break
                echo "$id"
                ;;
            beat) echo . >&3 ;;
            wake) echo 0 ;;
            end)
                rm "$room/beats"
                return
                ;;
        esac
    done
    kill -TERM 0
}

listen() {
    while :; do
        beat=$(timeout 20 head -c 2 <&3)
        case $?$beat in
            0.) ;;
            0) return ;;
            *) kill -TERM 0 ;;
        esac
    done
}

tell() {
    echo "ready ${zero:-n} $workers"
    while read -r id; do
        cat "$room/$id.sums" "$room/$id.errors" || return 74
        printf '\0\0\0%s\n' "$id"
        for file in "$room/$id".*; do : >"$file"; done
    done
}

[ "$nice" = 0 ] || ionice -c 2 -n 7 -p $$ >/dev/null 2>&1 # where there is one
{ listen 3<"$room/beats" >/dev/null 2>&1 </dev/null & } 
take 3>"$room/beats" | xargs -r -n 1 -P "$workers" sh "$room/worker" | {
    tell
    code=$?
    [ ! -e "$room/beats" ] || kill -TERM 0 # before the end: xargs or cat failed, and said why
    exit $code
}
