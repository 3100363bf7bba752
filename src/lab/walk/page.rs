//! What a browser has to see in a page: forms, their fields, and attributes of the root.
//!
//! A scan for tags, not a parser of HTML: it reads the pages of a login, not the web.

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) fields: Vec<(String, String)>,
}

impl Form {
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The form with `value` in the field `name`.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut form = self.clone();
        form.fields.retain(|(field, _)| field != name);
        form.fields.push((name.to_owned(), value.to_owned()));
        form
    }
}

/// The forms of a page.
pub(super) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for tag in tags(html) {
        match tag.name.as_str() {
            "form" => {
                let action = tag.attribute("action").unwrap_or_default();
                forms.push(Form { action, fields: Vec::new() });
            }
            "input" if tag.attribute("type").as_deref() != Some("submit") => {
                if let Some((form, name)) = forms.last_mut().zip(tag.attribute("name")) {
                    form.fields.push((name, tag.attribute("value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// An attribute of the `html` element.
pub(super) fn root_attribute(html: &str, name: &str) -> Option<String> {
    tags(html).into_iter().find(|tag| tag.name == "html")?.attribute(name)
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}

/// The start tags of a page, in order.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
        } else if after.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            let (tag, after) = tag(after);
            // Between these tags, `<` means nothing.
            rest = match tag.name.as_str() {
                "script" => after.split_once("</script").map_or("", |(_, rest)| rest),
                "style" => after.split_once("</style").map_or("", |(_, rest)| rest),
                _ => after,
            };
            tags.push(tag);
        }
    }
    tags
}

/// The tag that begins here, and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let is_end = |letter: char| letter.is_ascii_whitespace() || letter == '/' || letter == '>';
    let (name, mut rest) = text.split_at(text.find(is_end).unwrap_or(text.len()));
    let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new() };
    loop {
        rest =
            rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(rest) = rest.strip_prefix('>') {
            return (tag, rest);
        }
        let end = rest.find(|letter| is_end(letter) || letter == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.trim_ascii_start().strip_prefix('=') {
            Some(after) => value(after.trim_ascii_start()),
            // A name without a value; a stray sign is no name, but must be passed.
            None if name.is_empty() => ("", &after[1..]),
            None => ("", after),
        };
        tag.attributes.push((name.to_ascii_lowercase(), unescaped(value)));
        rest = after;
    }
}

/// The value that begins here, without its quotes, and what follows it.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text.find(|letter: char| letter.is_ascii_whitespace() || letter == '>');
    text.split_at(end.unwrap_or(text.len()))
}

/// The entities that pages use in attributes; `&amp;` last, so that nothing is decoded twice.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#039;", "'")
        .replace("&#x27;", "'")
        .replace("&#x2F;", "/")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_with_its_fields() {
        let html = "<!doctype html><HTML data-next='/a?b=1&amp;c=2' lang=en>\
            <script>if (1 <form action=x) {}</script><!-- <input name=no> -->\
            <form method=\"post\" action=\"/idp/login\"><input type=hidden name=a value=\"1 > 0\">\
            <input name='username' disabled/><input type=\"submit\" name=\"go\"></form>";

        let forms = forms(html);

        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![field("a", "1 > 0"), field("username", "")];
        assert_eq!(forms, [Form { action: "/idp/login".to_owned(), fields }]);
        assert_eq!(root_attribute(html, "data-next").as_deref(), Some("/a?b=1&c=2"));
        assert_eq!(root_attribute(html, "data-nonce"), None);
    }

    #[test]
    fn a_broken_page_ends() {
        for html in ["<", "<a", "<a =", "<a b='", "<a b=", "<!--", "<script>", "< a>", "<a \"b\">"]
        {
            assert_eq!(forms(html), []);
        }
    }
}
