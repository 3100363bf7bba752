//! User Data Services of Unified CM, as far as a token is tried on them.
//!
//! Paths, elements and statuses are those of Cisco's *UDS API Reference*; where it says nothing,
//! they are as observed on Unified CM.

use hyper::{
    Method, StatusCode,
    header::{CACHE_CONTROL, EXPIRES, RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{
    estate::{At, Node},
    faults::Load,
    gate::{CLIENT_COOKIE, Visitor, visitor},
    http::{Answer, Ask, escaped, set, set_cookie, tomcat, xml},
    users::{USERS, User, find},
};

pub(super) const PREFIX: &str = "/cucm-uds/";

pub(super) fn answer(at: At<'_>, ask: &Ask) -> Answer {
    if at.estate.behaviour().load == Load::Busy {
        let mut answer = tomcat(StatusCode::SERVICE_UNAVAILABLE);
        set(&mut answer, RETRY_AFTER, "5");
        return answer;
    }
    if ask.method != Method::GET && ask.method != Method::HEAD {
        return tomcat(StatusCode::METHOD_NOT_ALLOWED);
    }
    match ask.path.strip_prefix(PREFIX).unwrap_or_default() {
        "version" => xml(version(at.node)),
        "servers" => xml(servers(at)),
        "clusterUser" => cluster_user(at, ask),
        path => match path.strip_prefix("user/") {
            Some(id) => user(at, ask, id),
            None => tomcat(StatusCode::NOT_FOUND),
        },
    }
}

fn version(node: &Node) -> String {
    format!(
        "{DECLARATION}<versionInformation uri=\"{}\" version=\"{RELEASE}\"><version>{RELEASE}\
         </version><capabilities><usersResourceAuthEnabled>true</usersResourceAuthEnabled>\
         </capabilities></versionInformation>",
        node.url("/cucm-uds/version"),
    )
}

fn servers(at: At<'_>) -> String {
    let servers: Vec<String> =
        at.cluster.nodes.iter().map(|node| format!("<server>{}</server>", node.host)).collect();
    format!(
        "{DECLARATION}<servers uri=\"{}\" version=\"{RELEASE}\">{}</servers>",
        at.node.url("/cucm-uds/servers"),
        servers.concat(),
    )
}

/// The home cluster of a user; 200 also for one that nobody knows.
fn cluster_user(at: At<'_>, ask: &Ask) -> Answer {
    let asked = ["username", "email", "useridentifier"].map(|name| ask.param(name));
    if asked.iter().all(Option::is_none) {
        return tomcat(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let is_asked = |user: &&User| {
        asked[0].as_deref() == Some(user.id)
            || asked[1..].iter().any(|email| *email == Some(user.email()))
    };
    let found = if USERS.iter().any(|user| is_asked(&user)) {
        let home = &at.cluster.nodes[0];
        format!(
            "<result found=\"true\" uri=\"{}\" version=\"{RELEASE}\"/>\
             <homeCluster serversUri=\"{}\">{}</homeCluster>",
            home.url("/cucm-uds/clusterUser"),
            home.url("/cucm-uds/servers"),
            home.host,
        )
    } else {
        "<result found=\"false\"/>".to_owned()
    };
    xml(format!(
        "{DECLARATION}<clusterUser uri=\"{}\" version=\"{RELEASE}\">{found}</clusterUser>",
        at.node.url("/cucm-uds/clusterUser"),
    ))
}

/// The user's own record: to the user alone.
fn user(at: At<'_>, ask: &Ask, id: &str) -> Answer {
    let Some(visitor) = visitor(at, ask) else { return unauthorized() };
    let answer = if visitor.user != id {
        tomcat(StatusCode::UNAUTHORIZED)
    } else if at.estate.behaviour().outside_group.contains(id) {
        tomcat(StatusCode::FORBIDDEN)
    } else if let Some(user) = find(id) {
        xml(record(at.node, user))
    } else {
        tomcat(StatusCode::NOT_FOUND)
    };
    remembering(answer, &visitor)
}

fn record(node: &Node, user: &User) -> String {
    format!(
        "{DECLARATION}<user uri=\"{uri}\" version=\"{RELEASE}\"><id>{uuid}</id>\
         <userName>{id}</userName><firstName>{first}</firstName><lastName>{last}</lastName>\
         <email>{email}</email><phoneNumber>{extension}</phoneNumber></user>",
        uri = escaped(&node.url(&format!("/cucm-uds/user/{}", user.id))),
        uuid = user.uuid,
        id = user.id,
        first = user.first_name,
        last = user.last_name,
        email = user.email(),
        extension = user.extension,
    )
}

/// No token, a dead one, or none of ours: all look the same, and never like RFC 6750.
fn unauthorized() -> Answer {
    let mut answer = tomcat(StatusCode::UNAUTHORIZED);
    set(&mut answer, WWW_AUTHENTICATE, "Basic realm=\"Cisco Web Services Realm\"");
    set(&mut answer, CACHE_CONTROL, "private");
    set(&mut answer, EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT");
    answer
}

fn remembering(mut answer: Answer, visitor: &Visitor) -> Answer {
    let cookie = format!("{CLIENT_COOKIE}={}; Path=/; Secure; HttpOnly", visitor.cookie);
    set_cookie(&mut answer, &cookie);
    answer
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
const RELEASE: &str = "14.0.1";
