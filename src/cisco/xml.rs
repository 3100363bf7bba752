//! Reads the few XML documents that clusters send.
//!
//! Pure: bytes in, an answer or a flaw out. Strict where a document could lie or tire us (DTD,
//! depth, size, truncation), tolerant where releases differ (names with a prefix, order, space,
//! elements nobody has seen yet). Nothing of a document is in a flaw. Called by `discovery` and
//! `verify`.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesRef, BytesStart, Event},
};

/// The largest document that is read: what a node sends is a tenth of it.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What `GET /ssosp/ws/public/singleSignOn` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SingleSignOn {
    /// Logins begin at this URI. It is whatever the document said, without space around it.
    Enabled {
        /// The text of the `Uri` element.
        uri: String,
    },
    /// Single sign-on is switched off.
    Disabled,
}

/// Why a document is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlFlaw {
    /// More bytes, elements, levels or attributes than any cluster sends.
    #[error("the document is larger or deeper than any that a cluster sends")]
    TooMuch,
    /// Bytes that are not UTF-8, or characters that XML forbids.
    #[error("the document is not text in UTF-8")]
    NotText,
    /// A DTD, a processing instruction, a CDATA section, or an entity only a DTD could define.
    #[error("the document uses a part of XML that no cluster has a use for")]
    Forbidden,
    /// Tags or references that do not fit together, or a comment inside a `Uri`.
    #[error("the document is not well-formed XML")]
    Malformed,
    /// The document ends before its root element does.
    #[error("the document is cut short")]
    Truncated,
    /// A web page: a login form of somebody's proxy, an error page.
    #[error("the document is a web page")]
    WebPage,
    /// No `Status` element that says whether single sign-on is enabled.
    #[error("the document does not say whether single sign-on is enabled")]
    NoStatus,
    /// Two of something of which there is one.
    #[error("the document says two things about single sign-on")]
    Ambiguous,
    /// Single sign-on is enabled, but there is no `Uri`.
    #[error("single sign-on is enabled, but the document names no authorization page")]
    NoUri,
}

/// Reads the `singleSignOn` document.
///
/// Where it has several `SingleSignOn` elements, the first that is enabled and has a `Uri` counts.
/// No Cisco document shows the elements around `Status` and `Uri`, so these two are found
/// wherever they are.
pub(super) fn single_sign_on(body: &[u8]) -> Result<SingleSignOn, XmlFlaw> {
    let root = document(body)?;
    let mut groups = vec![Group::default()];
    gather(&root, 0, &mut groups);

    let mut answer = Err(XmlFlaw::NoStatus);
    for group in groups.iter().filter(|group| !group.is_empty()) {
        match (group.read(), &answer) {
            (Err(XmlFlaw::NoUri), _) => answer = Err(XmlFlaw::NoUri),
            (Ok(enabled @ SingleSignOn::Enabled { .. }), _) => return Ok(enabled),
            (Ok(SingleSignOn::Disabled), Err(XmlFlaw::NoUri)) => {}
            (Ok(SingleSignOn::Disabled), _) => answer = Ok(SingleSignOn::Disabled),
            (Err(flaw), _) => return Err(flaw),
        }
    }
    answer
}

/// Reads the name of the user from a UDS `user` document; `None` if it has none.
pub(super) fn user_name(body: &[u8]) -> Result<Option<String>, XmlFlaw> {
    child_text(body, "userName")
}

/// Reads the alias from a CUPI `User` document; `None` if it has none.
pub(super) fn alias(body: &[u8]) -> Result<Option<String>, XmlFlaw> {
    child_text(body, "Alias")
}

fn child_text(body: &[u8], child_name: &str) -> Result<Option<String>, XmlFlaw> {
    let root = document(body)?;
    let mut names = root.children.iter().filter(|child| child.name == child_name);
    match (names.next(), names.next()) {
        (None, _) => Ok(None),
        (Some(name), None) => Ok(Some(name.plain_text()?).filter(|name| !name.is_empty())),
        (Some(_), Some(_)) => Err(XmlFlaw::Ambiguous),
    }
}

/// The `Status` and the `Uri` of one `SingleSignOn` element.
#[derive(Default)]
struct Group<'a> {
    statuses: Vec<&'a Element>,
    uris: Vec<&'a Element>,
}

impl Group<'_> {
    fn is_empty(&self) -> bool {
        self.statuses.is_empty() && self.uris.is_empty()
    }

    fn read(&self) -> Result<SingleSignOn, XmlFlaw> {
        let status = match self.statuses.as_slice() {
            [] => return Err(XmlFlaw::NoStatus),
            [status] => status,
            _ => return Err(XmlFlaw::Ambiguous),
        };
        if !status.is_enabled()? {
            return Ok(SingleSignOn::Disabled);
        }
        match self.uris.as_slice() {
            [] => Err(XmlFlaw::NoUri),
            [uri] => match uri.plain_text()? {
                uri if uri.is_empty() => Err(XmlFlaw::NoUri),
                uri => Ok(SingleSignOn::Enabled { uri }),
            },
            _ => Err(XmlFlaw::Ambiguous),
        }
    }
}

fn gather<'a>(element: &'a Element, outer: usize, groups: &mut Vec<Group<'a>>) {
    let mut group = outer;
    if element.name == "SingleSignOn" {
        group = groups.len();
        groups.push(Group::default());
    }
    for child in &element.children {
        match child.name.as_str() {
            "Status" => groups[group].statuses.push(child),
            "Uri" => groups[group].uris.push(child),
            _ => gather(child, group, groups),
        }
    }
}

/// An element without its namespace.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Self>,
    has_comment: bool,
}

impl Element {
    /// The text of an element that holds nothing but text. A comment would end the text for some
    /// readers and not for others, so none is let in.
    fn plain_text(&self) -> Result<String, XmlFlaw> {
        if self.has_comment || !self.children.is_empty() {
            return Err(XmlFlaw::Malformed);
        }
        Ok(self.text.trim_matches(SPACE).to_owned())
    }

    fn is_enabled(&self) -> Result<bool, XmlFlaw> {
        let mut values = self.attributes.iter().filter(|(key, _)| key == "enabled");
        let (Some((_, value)), None) = (values.next(), values.next()) else {
            return Err(XmlFlaw::NoStatus);
        };
        match value.trim_matches(SPACE).to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(XmlFlaw::NoStatus),
        }
    }
}

/// Reads a whole document into its elements.
fn document(body: &[u8]) -> Result<Element, XmlFlaw> {
    if body.len() > MAX_BYTES {
        return Err(XmlFlaw::TooMuch);
    }
    let text = std::str::from_utf8(body).map_err(|_| XmlFlaw::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start_matches(SPACE);
    if text.chars().any(is_forbidden) {
        return Err(XmlFlaw::NotText);
    }

    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    loop {
        let at_start = reader.buffer_position() == 0;
        match reader.read_event().map_err(|_| cut_or_malformed(&reader, text))? {
            Event::Start(tag) => tree.open(&tag)?,
            Event::Empty(tag) => {
                tree.open(&tag)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(piece) => tree.text(&piece)?,
            Event::GeneralRef(reference) => tree.text(&resolve(&reference)?)?,
            Event::Comment(_) => tree.comment(),
            // The encoding it names is not obeyed: what is read from the document is ASCII in
            // every encoding that got past UTF-8.
            Event::Decl(_) if at_start => {}
            Event::Decl(_) => return Err(XmlFlaw::Malformed),
            Event::DocType(_) | Event::PI(_) | Event::CData(_) => return Err(XmlFlaw::Forbidden),
            Event::Eof => return tree.root(),
        }
    }
}

/// The elements of a document as far as it has been read.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlFlaw> {
        self.elements += 1;
        if self.open.len() == MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(XmlFlaw::TooMuch);
        }
        if self.root.is_some() {
            return Err(XmlFlaw::Malformed);
        }
        let mut element =
            Element { name: tag.local_name().as_ref().to_owned(), ..Element::default() };
        for (count, attribute) in tag.attributes().enumerate() {
            let attribute = attribute.map_err(|_| XmlFlaw::Malformed)?;
            if count == MAX_ATTRIBUTES {
                return Err(XmlFlaw::TooMuch);
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| XmlFlaw::Forbidden)?
                .into_owned();
            element.attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlFlaw> {
        let element = self.open.pop().ok_or(XmlFlaw::Malformed)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, piece: &str) -> Result<(), XmlFlaw> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(piece),
            None if piece.trim_matches(SPACE).is_empty() => {}
            None => return Err(XmlFlaw::Malformed),
        }
        Ok(())
    }

    fn comment(&mut self) {
        if let Some(element) = self.open.last_mut() {
            element.has_comment = true;
        }
    }

    /// The reader reports no error when a document ends with tags open; this does.
    fn root(self) -> Result<Element, XmlFlaw> {
        let root = self.root.filter(|_| self.open.is_empty()).ok_or(XmlFlaw::Truncated)?;
        if root.name.eq_ignore_ascii_case("html") { Err(XmlFlaw::WebPage) } else { Ok(root) }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlFlaw> {
    if let Some(known) = resolve_xml_entity(reference) {
        return Ok(known.to_owned());
    }
    match reference.resolve_char_ref() {
        Ok(Some(character)) if is_forbidden(character) => Err(XmlFlaw::NotText),
        Ok(Some(character)) => Ok(character.into()),
        Ok(None) => Err(XmlFlaw::Forbidden),
        Err(_) => Err(XmlFlaw::Malformed),
    }
}

/// Tells a document that ran out in the middle of a tag from one that is wrong.
fn cut_or_malformed(reader: &Reader<&[u8]>, text: &str) -> XmlFlaw {
    let read = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
    if read >= text.len() { XmlFlaw::Truncated } else { XmlFlaw::Malformed }
}

/// Control characters other than tab and line ends (XML 1.0, 2.2).
fn is_forbidden(character: char) -> bool {
    character < ' ' && !matches!(character, '\t' | '\r' | '\n')
}

/// White space of XML 1.0, 2.3.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
/// A cluster nests three or four elements.
const MAX_DEPTH: usize = 16;
/// A cluster writes two or three attributes.
const MAX_ATTRIBUTES: usize = 16;
/// Keeps the elements of 64 KiB of `<a/>` from taking megabytes.
const MAX_ELEMENTS: usize = 4096;

#[cfg(test)]
mod tests;
