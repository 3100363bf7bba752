//! More about each command than a line says: what `--help` prints below the options.

pub(super) const STATUS: &str = "\
The exit code is 0 if every cluster named, or every cluster if none is named, has a usable \
token. Else it is that of the worst of them: 8 if a cluster or the network failed or the cluster \
refuses the configuration, 4 if somebody has to log in, 5 if a login is under way. It is the \
same with --json, and with a token that is good while its renewal fails it is 0.

The JSON has \"schema_version\": 1. Fields may be added under that version; none is removed or \
changes its meaning. It never contains a token. With --watch it is one line for each change.";

pub(super) const TOKEN: &str = "\
Nothing but the token goes to standard output, so this works:

  curl -H \"$(ucssoctl token hq --header)\" https://cucm-pub.example.com:8443/cucm-uds/user/alice

A process's arguments are seen by every user of the machine, so in a script rather let curl read \
the header from a pipe:

  ucssoctl token hq --header | curl -H @- https://cucm-pub.example.com:8443/cucm-uds/user/alice

With --env the token is quoted, so that a shell takes it as it is, whatever is in it:

  eval \"$(ucssoctl token hq --env)\"

A variable that is exported is passed on to every program that the shell starts from then on.";

pub(super) const EXEC: &str = "\
The program finds the path of the file in UCSSO_TOKEN_FILE. Only this user can read the file; it \
is in $XDG_RUNTIME_DIR, has the token and nothing else, and is replaced as a whole whenever there \
is a new one: so let the program open it for each request. While there is no valid token there is \
no file. It is gone when the program has ended.

  ucssoctl exec hq -- sh -c 'while work; do sleep 60; done'

Standard input and output are the program's own. It is sent the signals that this command is sent, \
and the exit code is that of the program, or 128 and the number of the signal that ended it. If \
there is no token, the program is not run, and the exit code says why.

While the program runs, the token counts as used: it is renewed before it ends, for which somebody \
may be asked to log in.";

pub(super) const WAIT: &str = "\
Ends with 0 as soon as each cluster has a valid token, and with 5 if that takes too long. A daemon \
that is not running is waited for too; if none comes, the exit code is 3. So this may be the first \
thing that a service does:

  ExecStartPre=ucssoctl wait hq --timeout 60s

It asks for no token and begins no login. `ucssoctl token hq --wait 60s` does, if one is needed.";

pub(super) const WATCH: &str = "\
Each cluster is told at once, and then whenever something is different, but for the time that \
passes. It goes on over restarts of the daemon, which are told too. No token is in it.

With --json a line is an object with \"schema_version\": 1, \"time\", \"epoch\", \"change\", \
\"cluster\" and \"status\". The change is \"state\", with the status as `ucssoctl status --json` \
has it; \"removed\", if the cluster is not in the configuration any more; or \"unreachable\", if the \
daemon has gone, without a cluster.";

pub(super) const LOGIN: &str = "\
The daemon opens the login page in the browser, and this command waits until it is known how the \
login ended. Ctrl-C cancels the login; one that was under way before goes on.

With --no-browser the page's address is printed instead. It works once. The page belongs to this \
machine: with a browser on another one, forward its port first, with the `ssh -L` line that is \
printed too.

Where that cannot be done, open the cluster's own page, which is printed last. The login ends on \
an address that the browser cannot open; paste all of it here and press Enter, or write it to \
this command's standard input. There is a token in that address: it is not shown here, and it \
does not belong anywhere else. Do this only on a machine that is yours, because a program there \
that listens on the port of the address is given the token.";

pub(super) const REDIRECT_PAGE: &str = "\
For clusters where only a page of the company's web server is registered. Write its address as \
`redirect_uri` of the cluster; `landing` is where the page leads on to, and has a default. Then:

  1. Put the page that this command writes on the web server, at exactly that address. It is one \
file without anything else. It is the same for everybody whose configuration has this `landing`.
  2. Have the server send it over https, as `text/html`, with `Cache-Control: no-store`, and \
without asking for a login.
  3. Have its address registered on the cluster, letter by letter, in Enterprise Parameters, \
\"Redirect URIs for Third Party SSO Client\".

The token is in the fragment of the address, which browsers do not send to a server. But whoever \
can change that page, or the scripts that other pages of its server run, can read tokens: let \
nobody do so who may not have them. Write the page anew when `landing` changes.

That somebody may be sent to the page with a token of an attacker does no harm: the landing page \
takes a token only in a tab in which a login of the daemon began.";

pub(super) const CANCEL: &str = "\
A no is a no: for as long as `snooze` in the configuration says (8 hours), no login of this \
cluster begins by itself. `ucssoctl login` begins one at any time.";

pub(super) const SNOOZE: &str = "\
Programs that want a token are told that somebody has to log in, a token that is held is handed \
out until it ends, and the login that is under way is cancelled. It outlasts a restart of the \
daemon. `ucssoctl login` begins a login at any time, and ends it.";

pub(super) const TRUST_REDIRECT: &str = "\
Needed only where a cluster takes no http redirect and `redirect_uri` begins with https. The \
certificate is for localhost, 127.0.0.1 and ::1, and good for two years. Its authority may vouch \
for nothing else, and the authority's key is thrown away. A daemon that runs takes a new one at \
the next login.

Where there is a certificate, nothing is changed, and the commands for the browsers are printed \
again.";
