//! A small, strict reader of XML: a tree with namespaces and with places in the text.

use std::ops::Range;

use quick_xml::{
    NsReader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
    name::ResolveResult,
};

/// An element and what is in it.
#[derive(Debug)]
pub(super) struct Element {
    namespace: String,
    name: String,
    /// Attributes without a prefix.
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// The text directly in it, joined.
    pub(super) text: String,
    /// Where it is in the document, tags included.
    pub(super) span: Range<usize>,
}

/// The text is not XML, or not the plain kind that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not plain, well-formed XML")]
pub(crate) struct NotXml;

/// Deeper than any SAML document.
const DEEPEST: usize = 32;

/// Reads a whole document.
pub(super) fn parse(document: &str) -> Result<Element, NotXml> {
    let mut reader = NsReader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let begin = place(&reader);
        let (namespace, event) = reader.read_resolved_event().map_err(|_| NotXml)?;
        match event {
            Event::Start(start) if root.is_none() && open.len() < DEEPEST => {
                open.push(Element::opened(&namespace, &start, begin)?);
            }
            Event::End(_) => {
                let mut element = open.pop().ok_or(NotXml)?;
                element.span.end = place(&reader);
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Event::Text(text) => {
                let text = text.xml_content(XmlVersion::Explicit1_0);
                match open.last_mut() {
                    Some(element) => element.text.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => return Err(NotXml),
                }
            }
            Event::GeneralRef(reference) => {
                let element = open.last_mut().ok_or(NotXml)?;
                resolve(&reference, &mut element.text)?;
            }
            Event::Decl(_) if begin == 0 => {}
            Event::Eof if open.is_empty() => return root.ok_or(NotXml),
            Event::Start(_)
            | Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::PI(_)
            | Event::Decl(_)
            | Event::DocType(_)
            | Event::Eof => return Err(NotXml),
        }
    }
}

impl Element {
    fn opened(
        namespace: &ResolveResult<'_>,
        start: &BytesStart<'_>,
        begin: usize,
    ) -> Result<Self, NotXml> {
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => namespace.0.to_owned(),
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(_) => return Err(NotXml),
        };
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| NotXml)?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| NotXml)?;
            if attribute.key.prefix().is_none() {
                let name = attribute.key.local_name();
                attributes.push((name.as_ref().to_owned(), value.into_owned()));
            }
        }
        let name = start.local_name().as_ref().to_owned();
        let (children, text) = (Vec::new(), String::new());
        Ok(Self { namespace, name, attributes, children, text, span: begin..begin })
    }

    pub(super) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The children of this name.
    pub(super) fn all(
        &self,
        namespace: &'static str,
        name: &'static str,
    ) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    /// The child of this name, if there is exactly one.
    pub(super) fn only(&self, namespace: &'static str, name: &'static str) -> Option<&Self> {
        let mut all = self.all(namespace, name);
        let first = all.next();
        first.filter(|_| all.next().is_none())
    }

    /// Itself and everything below it.
    pub(super) fn descendants(&self) -> Vec<&Self> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(&element) = found.get(next) {
            found.extend(&element.children);
            next += 1;
        }
        found
    }
}

fn place(reader: &NsReader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("a document fits in memory")
}

fn resolve(reference: &BytesRef<'_>, text: &mut String) -> Result<(), NotXml> {
    match reference.resolve_char_ref() {
        Ok(Some(letter)) => text.push(letter),
        Ok(None) => text.push_str(resolve_predefined_entity(reference).ok_or(NotXml)?),
        Err(_) => return Err(NotXml),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_its_names_and_places() {
        let document = r#"<a:x xmlns:a="urn:a" ID="1"><y xmlns="urn:b">1 &lt; 2</y><a:z/></a:x>"#;

        let root = parse(document).unwrap();

        assert!(root.is("urn:a", "x"));
        assert_eq!(root.attribute("ID"), Some("1"));
        let inner = root.only("urn:b", "y").unwrap();
        assert_eq!(inner.text, "1 < 2");
        assert_eq!(&document[inner.span.clone()], r#"<y xmlns="urn:b">1 &lt; 2</y>"#);
        assert_eq!(&document[root.children[1].span.clone()], "<a:z/>");
        assert_eq!(&document[root.span.clone()], document);
    }

    #[test]
    fn what_parsers_disagree_on_is_refused() {
        for document in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "text",
            "<a/>text",
            "<a>&unknown;</a>",
            "<p:a/>",
            r#"<a b="1" b="2"/>"#,
            "<a><!-- comment --></a>",
            "<a><?instruction?></a>",
            "<a><![CDATA[text]]></a>",
            "<!DOCTYPE a><a/>",
            &"<a>".repeat(DEEPEST + 1),
        ] {
            assert_eq!(parse(document).unwrap_err(), NotXml, "{document}");
        }
    }
}
