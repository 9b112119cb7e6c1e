//! The prose of the tree: comments of Rust files and documents, taken apart into sentences.
//!
//! Comments and documents are both read as Markdown (CommonMark and tables). Code blocks and headings are no prose.
//! Paragraphs, items of lists, cells of tables and `<br>` end the sentence before them, with or without a full stop. A
//! code span is one word: it is a name.

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{Files, texts};

/// Words with a full stop that ends no sentence.
const ABBREVIATIONS: [&str; 4] = ["e.g.", "i.e.", "etc.", "vs."];

/// One sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The file's path from the tree's root.
    pub path: String,
    /// The line, from 1, that the sentence starts in.
    pub line: usize,
    /// Its words, as the Markdown shows them: a code span is one of them.
    pub words: Vec<String>,
}

/// All sentences of comments in Rust files, and of documents.
pub fn sentences(files: &Files) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for (path, text) in texts(files, ".md") {
        sentences.extend(of_markdown(path, 1, text));
    }
    for (path, text) in texts(files, ".rs") {
        for (line, comment) in comments(text) {
            sentences.extend(of_markdown(path, line, &comment));
        }
    }
    sentences
}

/// The comments of a Rust file with the line, from 1, that each starts in. Lines of the same kind (`//`, `///`, `//!`)
/// that follow each other are one comment. A file that is no Rust has none: the compiler finds that.
fn comments(text: &str) -> Vec<(usize, String)> {
    let Ok(tokens) = text.parse() else { return Vec::new() };
    let mut lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    blank_literals(tokens, &mut lines);

    let mut comments: Vec<(usize, String)> = Vec::new();
    // The kind and the line of the comment that the next line may go on with.
    let mut open = ("", 0);
    for (index, line) in lines.iter().enumerate() {
        let line: String = line.iter().collect();
        let Some(at) = line.find("//") else { continue };
        let is_trailing = !line[..at].trim().is_empty();
        let comment = &line[at..];
        let kind = ["///", "//!", "//"].into_iter().find(|kind| comment.starts_with(kind)).unwrap_or("//");
        let content = &comment[kind.len()..];
        let content = content.strip_prefix(' ').unwrap_or(content);
        match comments.last_mut() {
            Some((_, last)) if open == (kind, index) && !is_trailing => {
                last.push('\n');
                last.push_str(content);
            }
            _ => comments.push((index + 1, content.to_owned())),
        }
        open = if is_trailing { ("", 0) } else { (kind, index + 1) };
    }
    comments
}

/// Overwrites the literals of the code, which may contain `//`. Documentation is a literal too, but stays.
fn blank_literals(tokens: TokenStream, lines: &mut [Vec<char>]) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => blank_literals(group.stream(), lines),
            TokenTree::Literal(literal) => {
                let (start, end) = (literal.span().start(), literal.span().end());
                let is_doc = lines[start.line - 1][start.column..].starts_with(&['/', '/']);
                if !is_doc {
                    blank(lines, start, end);
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

fn blank(lines: &mut [Vec<char>], start: LineColumn, end: LineColumn) {
    for number in start.line..=end.line {
        let line = &mut lines[number - 1];
        let from = if number == start.line { start.column } else { 0 };
        let to = if number == end.line { end.column } else { line.len() };
        line[from..to].fill('_');
    }
}

/// The sentences of a Markdown text that starts in this line of the file.
fn of_markdown(path: &str, first_line: usize, text: &str) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    // The words of the block so far, with their offsets in the text.
    let mut block = Block::default();
    let mut is_prose = true;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Heading { .. } | Tag::HtmlBlock | Tag::MetadataBlock(_)) => {
                block.end(&mut sentences);
                is_prose = false;
            }
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_) | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_)) => {
                is_prose = true;
            }
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Link { .. })
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link) => {}
            Event::Start(_) | Event::End(_) | Event::Rule => block.end(&mut sentences),
            _ if !is_prose => {}
            Event::InlineHtml(tag) if tag.starts_with("<br") => block.end(&mut sentences),
            Event::Text(part) | Event::InlineHtml(part) => block.text(&part, range.start),
            Event::Code(code) => block.code(&code, range.start),
            Event::SoftBreak | Event::HardBreak => block.text(" ", range.start),
            _ => {}
        }
    }
    block.end(&mut sentences);
    let line = |offset: usize| first_line + text[..offset].matches('\n').count();
    let sentence = |(offset, words)| Sentence { path: path.to_owned(), line: line(offset), words };
    sentences.into_iter().map(sentence).collect()
}

/// The words of a block until it ends.
#[derive(Default)]
struct Block {
    words: Vec<(usize, String)>,
    /// Whether the next text goes on with the last word.
    is_in_word: bool,
}

impl Block {
    fn text(&mut self, text: &str, offset: usize) {
        let mut at = offset;
        for part in text.split_inclusive(' ') {
            let word = part.trim_end_matches(' ');
            if !word.is_empty() {
                self.word(word, at);
            }
            self.is_in_word = part.len() == word.len();
            at += part.len();
        }
    }

    fn code(&mut self, code: &str, offset: usize) {
        self.word(&format!("`{code}`"), offset);
        self.is_in_word = true;
    }

    fn word(&mut self, part: &str, offset: usize) {
        match self.words.last_mut() {
            Some((_, last)) if self.is_in_word => last.push_str(part),
            _ => self.words.push((offset, part.to_owned())),
        }
    }

    /// Takes the sentences out, each with the offset of its first word.
    fn end(&mut self, sentences: &mut Vec<(usize, Vec<String>)>) {
        self.is_in_word = false;
        let mut sentence: Vec<String> = Vec::new();
        let mut start = 0;
        let mut words = self.words.drain(..).peekable();
        while let Some((offset, word)) = words.next() {
            if sentence.is_empty() {
                start = offset;
            }
            let is_last = words.peek().is_none_or(|(_, next)| ends_sentence(&word, next));
            // A sign alone, such as an arrow, is no word.
            if word.contains(char::is_alphanumeric) {
                sentence.push(word);
            }
            if is_last && !sentence.is_empty() {
                sentences.push((start, std::mem::take(&mut sentence)));
            }
        }
    }
}

/// Whether a sentence ends between these two words.
fn ends_sentence(word: &str, next: &str) -> bool {
    let bare = word.trim_end_matches(['"', '\'', ')', ']', '*', '_']);
    let is_abbreviation = ABBREVIATIONS.contains(&bare.trim_start_matches('('));
    let is_stop = bare.ends_with('.') && !bare.ends_with("..") && !is_abbreviation;
    let goes_on = next.trim_start_matches(['"', '\'', '(', '[', '*', '_']).starts_with(char::is_lowercase);
    // A name such as smoltcp starts a sentence in lower case; after a question or a bracket, lower case goes on.
    is_stop && bare.len() == word.len() || (is_stop || bare.ends_with(['!', '?'])) && !goes_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let found = sentences(&planted(&[(path, text)]));
        let found: Vec<_> = found.iter().map(|sentence| (sentence.line, sentence.words.join(" "))).collect();
        let expected: Vec<_> = expected.iter().map(|(line, words)| (*line, (*words).to_owned())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn sentences_end_at_full_stops_and_at_the_ends_of_blocks() {
        check(
            "a.md",
            "One is\nhere. Two is\nthere! three?\n\nFour",
            &[(1, "One is here."), (2, "Two is there! three?"), (5, "Four")],
        );
        check(
            "a.md",
            "RFC 9293, 3.10.7 (e.g. this). smoltcp has it.",
            &[(1, "RFC 9293, 3.10.7 (e.g. this)."), (1, "smoltcp has it.")],
        );
        check(
            "a.md",
            "Where is ... what? `it` is (so it is) here. (Or there.) `So`.",
            &[(1, "Where is what?"), (1, "`it` is (so it is) here."), (1, "(Or there.)"), (1, "`So`.")],
        );
    }

    #[test]
    fn code_headings_and_html_are_no_prose() {
        check(
            "a.md",
            "# A head\n\n```\nlet a = 1. B\n```\n\n    code. Too\n\n<p>\nhtml\n</p>\n\ntext",
            &[(13, "text")],
        );
        check(
            "a.rs",
            "/// Text.\n///\n/// ```\n/// let a = 1;\n/// ```\n/// More\n/// text.\nfn a() {}\n",
            &[(1, "Text."), (6, "More text.")],
        );
    }

    #[test]
    fn items_and_cells_are_apart() {
        check(
            "a.md",
            "Some:\n- one\n  more\n- two\n\n1. three\n",
            &[(1, "Some:"), (2, "one more"), (4, "two"), (6, "three")],
        );
        check(
            "a.md",
            "| a | b c |\n|---|---|\n| d. e | f<br>g |\n",
            &[(1, "a"), (1, "b c"), (3, "d."), (3, "e"), (3, "f"), (3, "g")],
        );
    }

    #[test]
    fn code_spans_and_links_are_shown_as_a_reader_sees_them() {
        check(
            "a.md",
            "Say `SET led 1`, or [a link](https://a.example/b.md): *it* -> **this**.",
            &[(1, "Say `SET led 1`, or a link: it this.")],
        );
        check("a.rs", "/// See [`Item`]s and [`begin`](Self::begin).\n", &[(1, "See [`Item`]s and `begin`.")]);
    }

    #[test]
    fn comments_of_one_kind_that_follow_each_other_are_one() {
        let text = "//! Top\n//! of it.\n\n// Plain\n/// Doc\n/// goes on.\nfn a() {} // Trailing\n// Own\n// line.\n";
        check("a.rs", text, &[(1, "Top of it."), (4, "Plain"), (5, "Doc goes on."), (7, "Trailing"), (8, "Own line.")]);
        check("a.rs", "// One\n\n// Two\n    // goes on.\n", &[(1, "One"), (3, "Two goes on.")]);
    }

    #[test]
    fn literals_are_no_comments() {
        check("a.rs", "const A: &str = \"// no\"; const B: [char; 2] = ['\"', '/']; // Yes.\n", &[(1, "Yes.")]);
        check(
            "a.rs",
            "const A: &str = r#\"\n// no \"\n\"#; // Yes.\nfn a<'a>() {} // Too.\n",
            &[(3, "Yes."), (4, "Too.")],
        );
        check("a.rs", "const A: &str = \"ä\n // no\"; // Yes.\n", &[(2, "Yes.")]);
    }
}
