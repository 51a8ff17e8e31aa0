//! The project's source code, as the test of its architecture reads it: files, their code, and the paths named in it.

use std::path::{Path, PathBuf};

/// One file below `src`.
pub struct Source {
    /// Below `src`, with `/`.
    pub path: String,
    /// The folder or file at the top of the crate that it belongs to.
    pub module: String,
    /// Its lines of code with their numbers: no comments, no unit tests.
    pub lines: Vec<(usize, String)>,
}

impl Source {
    /// The file at `path`, in which `text` stands.
    pub fn new(path: &str, text: &str) -> Source {
        let module = path.split(['/', '.']).next().unwrap_or_default().to_owned();
        let (mut lines, mut tests, mut attribute) = (Vec::new(), false, false);
        for (line, n) in text.lines().zip(1..) {
            // What follows the tests of a file is code again.
            if tests {
                tests = line != "}";
                continue;
            }
            tests = attribute && line.starts_with("mod ") && line.ends_with('{');
            attribute = line == "#[cfg(test)]";
            if !tests && !line.trim_start().starts_with("//") {
                lines.push((n, line.to_owned()));
            }
        }
        Source { path: path.to_owned(), module, lines }
    }

    /// The paths named in it, in full and with the line in which each begins: `a::{b::c, d}` is `a::b::c` and `a::d`.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let code: Vec<(usize, char)> =
            self.lines.iter().flat_map(|(n, line)| line.chars().chain(['\n']).map(|c| (*n, c))).collect();
        let (mut at, mut paths) = (0, Vec::new());
        while at < code.len() {
            if is_word(code[at].1) {
                let line = code[at].0;
                let mut found = Vec::new();
                at = path(&code, at, "", &mut found);
                paths.extend(found.into_iter().map(|path| (line, path)));
            } else {
                at += 1;
            }
        }
        paths
    }

    /// The modules at the top of the crate that it names, by `crate::` or by as many `super::` as lead there.
    pub fn modules(&self) -> Vec<(usize, String)> {
        let depth = self.path.split('/').count() - usize::from(self.path.ends_with("/mod.rs"));
        let module = |path: &str| {
            let words: Vec<&str> = path.split("::").collect();
            let above = words.iter().take_while(|word| **word == "super").count();
            let top = match words[0] {
                "crate" => 1,
                _ if above >= depth => above,
                _ => return None,
            };
            words.get(top).map(|module| (*module).to_owned())
        };
        self.paths().into_iter().filter_map(|(n, path)| Some((n, module(&path)?))).collect()
    }
}

/// Reads the path at `at`, or the paths in braces there, with what stands `before` it. Up to where it goes.
fn path(code: &[(usize, char)], mut at: usize, before: &str, paths: &mut Vec<String>) -> usize {
    let blank = |at: usize| (at..code.len()).find(|i| !code[*i].1.is_whitespace()).unwrap_or(code.len());
    let next = |at: usize| code.get(at).map(|(_, c)| *c);
    if next(at) == Some('{') {
        at = blank(at + 1);
        while at < code.len() && next(at) != Some('}') {
            let begin = at;
            at = path(code, at, before, paths);
            // Up to the next one: past a name that it is given, and the comma.
            while at < code.len() && !matches!(next(at), Some(',' | '}')) {
                at += 1;
            }
            at = if next(at) == Some(',') { blank(at + 1) } else { at.max(begin) };
        }
        return at + 1;
    }
    let end = (at..code.len()).find(|i| !is_word(code[*i].1)).unwrap_or(code.len());
    let end = if next(at) == Some('*') { at + 1 } else { end };
    let word: String = code[at..end].iter().map(|(_, c)| c).collect();
    let whole = if before.is_empty() { word } else { format!("{before}::{word}") };
    if next(end) == Some(':') && next(end + 1) == Some(':') {
        let goes_on = next(end + 2).is_some_and(|c| is_word(c) || c == '{' || c == '*');
        if goes_on {
            return path(code, end + 2, &whole, paths);
        }
    }
    paths.push(whole);
    end.max(at + 1)
}

/// Whether a name may have `c` in it.
pub fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below one of the project's folders, in order.
pub fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        folder.read_dir().expect("a folder of sources").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// All files below `src`.
pub fn sources() -> Vec<Source> {
    let read = |file: PathBuf| {
        let path = file.strip_prefix(root().join("src")).expect("below src").to_string_lossy().replace('\\', "/");
        Source::new(&path, &std::fs::read_to_string(&file).expect("a source can be read"))
    };
    rust_files("src").into_iter().map(read).collect()
}
