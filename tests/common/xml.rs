//! Just enough XML to check a report: elements with attributes and text, no namespaces, no CDATA.

#![allow(dead_code, reason = "each test file uses a part of it")]

/// An element.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> usize {
        self.attribute(name)
            .and_then(|n| n.parse().ok())
            .unwrap_or_else(|| panic!("{name} of {} is no number", self.name))
    }
}

/// The root of a document; panics where it is not well-formed.
pub fn parse(text: &str) -> Element {
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration").trim_start();
    let root = element(&mut rest);
    assert_eq!(rest.trim(), "", "nothing after the root");
    root
}

fn element(rest: &mut &str) -> Element {
    let (tag, after) = rest.strip_prefix('<').expect("an element").split_once('>').expect("a closed tag");
    let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    while !attributes.trim().is_empty() {
        let (name, value) = attributes.trim_start().split_once("=\"").expect("an attribute");
        let (value, next) = value.split_once('"').expect("a closed value");
        assert!(element.attribute(name).is_none(), "{name} twice");
        element.attributes.push((name.to_owned(), unescape(value)));
        attributes = next;
    }
    *rest = after;
    if empty {
        return element;
    }
    loop {
        let at = rest.find('<').expect("an end tag");
        element.text.push_str(&unescape(&rest[..at]));
        *rest = &rest[at..];
        if let Some(end) = rest.strip_prefix("</") {
            let (name, after) = end.split_once('>').expect("a closed end tag");
            assert_eq!(name, element.name);
            *rest = after;
            return element;
        }
        element.children.push(self::element(rest));
    }
}

fn unescape(text: &str) -> String {
    assert!(text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "control characters");
    for (i, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"].iter().any(|e| text[i..].starts_with(e));
        assert!(known, "a bare & in {text}");
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}
