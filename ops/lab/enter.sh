#!/bin/sh
# What the controller's key runs on a light host: the command that was asked for, with this
# host's folder as home, and in place of the few folders of the machine that are a host's own.
host=@HOST@
HOME=$host PATH=$host/bin:$PATH
export HOME PATH
cd "$host" || exit
[ -n "${SSH_ORIGINAL_COMMAND-}" ] || exec sh -i
line=$(
    printf %s "$SSH_ORIGINAL_COMMAND" | LC_ALL=C sed "
        s,\\(^\\|[^A-Za-z0-9._/-]\\)/etc/ssh/,\\1$host/etc/ssh/,g
        s,\\(^\\|[^A-Za-z0-9._/-]\\)/run/sshd.pid,\\1$host/run/sshd.pid,g
        s,\\(^\\|[^A-Za-z0-9._/-]\\)/run/ops,\\1$host/run/ops,g"
    echo x
)
line=${line%x}
exec sh -c "$line"
