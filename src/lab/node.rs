//! The pages of a node: which path is whose.

use hyper::{
    Method, StatusCode,
    header::{HeaderName, HeaderValue, SERVER},
};

use super::{
    authorize, cumi,
    estate::{At, Product},
    http::{Answer, Ask, tomcat},
    sp, sso, uds,
};

pub(super) async fn answer(at: At<'_>, ask: &Ask) -> Answer {
    let get = ask.method == Method::GET || ask.method == Method::HEAD;
    let mut answer = match ask.path.as_str() {
        sso::PATH if get => sso::answer(at).await,
        sso::WHOAMI_PATH if get && at.cluster.product == Product::UnifiedCm => sso::whoami(at, ask),
        authorize::PATH if get => authorize::answer(at, ask),
        authorize::COMPLETE_PATH if get => authorize::complete(),
        sp::METADATA_PATH if get => sp::metadata(at),
        path if path.starts_with(sp::ACS_PREFIX) && ask.method == Method::POST => {
            sp::consume(at, ask).await
        }
        path if path.starts_with(uds::PREFIX) && at.cluster.product == Product::UnifiedCm => {
            uds::answer(at, ask)
        }
        path if path.starts_with(cumi::PREFIX)
            && at.cluster.product == Product::UnityConnection =>
        {
            cumi::answer(at, ask).await
        }
        _ => tomcat(StatusCode::NOT_FOUND),
    };
    // Both were observed on Unified CM: it does not say what server it is.
    answer.headers_mut().insert(SERVER, HeaderValue::from_static(""));
    answer.headers_mut().insert(FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    answer
}

const FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");
