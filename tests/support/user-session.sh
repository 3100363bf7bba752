#!/usr/bin/env bash
# Runs a real `systemd --user`, and a journald, for a user made for it.
#
#   user-session.sh [--over FOLDER] [PROGRAM...]
#
#   --over    what is in FOLDER/usr is in the session's /usr, as if a package had brought it
#   PROGRAM   a file that the user finds in ~/.local/bin
#
# Once the manager runs, prints `session USER PID`: PID is in the namespaces of the session. It ends,
# and everything it started, and the user is removed, when standard input ends. The namespaces are
# those of mounts, processes, control groups and System V objects; the network is the machine's. Needs
# root, and leave to make a control group.
set -euo pipefail

fail() {
  printf 'user-session.sh: %s\n' "$*" >&2
  exit 1
}

# What /etc/passwd and the like are changed under; useradd does not wait for its own locks.
with_users() {
  flock /tmp/ucsso-test-users.lock "$@"
}

# Users of sessions that could not remove them.
remove_leftovers() {
  local user
  while IFS=: read -r user _; do
    [[ $user != ucsso-test-* || -d /proc/${user#ucsso-test-} ]] || remove_user "$user"
  done </etc/passwd
}

remove_user() {
  # It also says that the user had no mail.
  with_users userdel --force --remove "$1" >/dev/null 2>&1 || true
}

# --- The outer half: what has to be undone -------------------------------------------------------

outer() {
  ((EUID == 0)) || fail 'only root can start a session of another user: run the tests as root'
  remove_leftovers
  user=ucsso-test-$$
  group=/sys/fs/cgroup/unified
  [[ -d $group ]] || group=/sys/fs/cgroup
  group+=/$user
  mkdir "$group" || fail "no control group can be made at $group: the tests need a machine, or a \
container that may write to /sys/fs/cgroup"
  trap undo EXIT
  with_users useradd --create-home --shell /bin/bash "$user" || fail "no user $user can be made"

  # A process of its own, that the namespaces and all in them end with.
  exec {started}< <(
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --cgroup --ipc --fork --kill-child --mount-proc \
      --propagation private "$0" --inner "$user" "$@" </dev/null
  )
  namespaces=$!
  read -r <&"$started" || exit 1
  first=$(tr -d " " <"/proc/$namespaces/task/$namespaces/children")
  printf 'session %s %s\n' "$user" "$first"
  # Ends with standard input, or with the session.
  while kill -0 "$namespaces" 2>/dev/null && { read -rt 1 || (($? > 128)); }; do :; done
}

undo() {
  set +e
  if [[ -n ${namespaces:-} ]]; then
    kill -KILL "$namespaces" 2>/dev/null
    wait "$namespaces" 2>/dev/null
  fi
  # A control group can be removed once the last process in it is gone.
  for _ in {1..100}; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [[ -d $group ]] || break
    sleep 0.05
  done
  remove_user "$user"
}

# --- The inner half: the first process of the namespaces -----------------------------------------

inner() {
  local user=$1 uid home own program manager
  shift
  if [[ ${1:-} == --over ]]; then
    mount -t overlay -o "lowerdir=$2/usr:/usr" overlay /usr
    shift 2
  fi
  uid=$(id -u "$user")
  home=$(getent passwd "$user" | cut -d: -f6)

  # Hides what the machine's own systemd has in /run, and where its journal is.
  mount -t tmpfs -o mode=755 tmpfs /run
  mount -t tmpfs -o mode=755 tmpfs /var/log
  umount -R -l /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # The first says that systemd runs here (sd_booted(3)), the second is where sandboxes are put
  # together, the last has journald keep a journal for each user. What is in /run/credentials is hidden
  # in a sandbox that has credentials of its own, and has to be there.
  mkdir -p /run/systemd/system /run/systemd/unit-root /run/systemd/journal /run/credentials
  mkdir -p /var/log/journal
  touch /run/systemd/journal/flushed
  install -d -o "$user" -g "$user" -m 700 "/run/user/$uid"

  install -d -o "$user" -g "$user" "$home/.local" "$home/.local/bin"
  for program in "$@"; do
    own=$home/.local/bin/${program##*/}
    touch "$own"
    mount --bind "$program" "$own"
  done

  # journald knows a user's units by this path.
  own=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service
  mkdir -p "$own/init.scope"
  chown -R "$user:" "$own"

  /lib/systemd/systemd-journald &
  until [[ -S /run/systemd/journal/socket ]]; do sleep 0.02; done
  # systemd must not be the first process of the namespace.
  (
    echo "$BASHPID" >"$own/init.scope/cgroup.procs"
    as_user "$user" "$uid" "$home" /lib/systemd/systemd --user --log-target=journal
  ) &
  manager=$!
  until as_user "$user" "$uid" "$home" systemctl --user is-system-running 2>/dev/null |
    grep -qE '^(running|degraded)$'; do
    kill -0 "$manager" 2>/dev/null || fail 'systemd --user did not start'
    sleep 0.02
  done
  echo started
  wait "$manager"
}

as_user() {
  local user=$1 uid=$2 home=$3
  shift 3
  (exec setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all env -i \
    HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash LANG=C.UTF-8 \
    PATH="$home/.local/bin:/usr/local/bin:/usr/bin:/bin" XDG_RUNTIME_DIR="/run/user/$uid" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" "$@")
}

if [[ ${1:-} == --inner ]]; then
  shift
  inner "$@"
else
  outer "$@"
fi
