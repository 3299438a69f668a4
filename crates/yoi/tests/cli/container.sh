# Runs the image as a container engine does: another user, a root that can't be written, nothing
# but the image's environment. To be run by `unshare --user --map-root-user --mount`.
#
# $1: an empty directory; $2: the program; $3: `volume` if /data can be written, `none` if not, and
# then the health check is told the address; $4: the server's command; $5: that of the health check.
# The rest is the environment. Prints the server's first line, and the exit codes of both.
set -eu
root=$1 program=$2 data=$3 server=$4 check=$5
shift 5

mkfifo "$root/../line"
mount -t tmpfs none "$root"
mkdir -p "$root/usr/local/bin" "$root/data" "$root/workspace"
touch "$root/usr/local/bin/yoi"
mount --bind "$program" "$root/usr/local/bin/yoi"
# Where the C library lies, on whichever system.
for directory in lib lib64 usr/lib usr/lib64 nix/store; do
    if [ -h "/$directory" ]; then
        cp -P "/$directory" "$root/$directory"
    elif [ -d "/$directory" ]; then
        mkdir -p "$root/$directory"
        mount --rbind "/$directory" "$root/$directory"
    fi
done
[ "$data" = none ] || mount -t tmpfs none "$root/data"
mount -o remount,ro "$root"
if touch "$root/file" 2> /dev/null; then
    echo 'the root can be written'
    exit 1
fi

in_container="$(command -v unshare) --user --map-user=65534 --map-group=65534 --root=$root --wd=/ --"
# exec: the process is the program itself, so that the signal reaches it.
(exec env -i "$@" $in_container $server > "$root/../line") &
server=$!
# Nothing comes when the server does not start.
read -r line < "$root/../line" || line='no line'
echo "$line"
address=${line#* on }
[ "$data" = volume ] || set -- "$@" "YOI_SERVER=${address%% *}"
code=0
env -i "$@" $in_container $check || code=$?
echo "health check: $code"
kill -TERM $server || true
code=0
wait $server || code=$?
echo "server: $code"
