//! The rules of prose (CONTRIBUTING.md) that a program can hold.

use super::comments::Sentence;

/// The most words of a sentence.
const WORDS_MAX: usize = 25;
/// Starts of the paths where sentences may still be longer.
const NOT_YET: [&str; 1] = ["docs/wiring.md"];

/// Pronouns that begin no sentence: the noun is in another sentence, or nowhere.
const PRONOUNS: [&str; 5] = ["It", "They", "What", "Who", "Whoever"];
/// Words that are pronouns if a verb follows: "This is", but not "This page is".
const PRONOUNS_BEFORE_VERB: [&str; 7] = ["Both", "One", "That", "These", "This", "Those", "Which"];
/// The words that follow a pronoun instead of its noun.
const VERBS: [&str; 27] = [
    "are", "can", "can't", "comes", "do", "does", "doesn't", "don't", "gets", "goes", "had", "has", "have", "holds",
    "is", "isn't", "may", "means", "must", "takes", "that", "was", "were", "which", "who", "will", "would",
];
/// Starts of the paths where sentences still begin with such a pronoun, and how many do. A number only falls.
const PRONOUNS_LEFT: [(&str, usize); 2] = [("crates/parts/", 12), ("docs/wiring.md", 10)];

/// Sentences that are too long or begin with a pronoun, and exceptions that nobody needs any more.
pub fn faults(sentences: &[Sentence]) -> Vec<String> {
    let mut faults = long(sentences, &NOT_YET);
    faults.extend(pronouns(sentences, &PRONOUNS_LEFT));
    faults
}

fn long(sentences: &[Sentence], not_yet: &[&str]) -> Vec<String> {
    let long: Vec<_> = sentences.iter().filter(|sentence| sentence.words.len() > WORDS_MAX).collect();
    let is_excepted = |path: &str| not_yet.iter().any(|start| path.starts_with(start));
    let mut faults = Vec::new();
    for Sentence { path, line, words } in long.iter().filter(|sentence| !is_excepted(&sentence.path)) {
        let text = words.join(" ");
        faults.push(format!("{path}:{line}: a sentence of {} words, more than {WORDS_MAX}: {text}", words.len()));
    }
    let unneeded = not_yet.iter().filter(|start| !long.iter().any(|sentence| sentence.path.starts_with(*start)));
    faults.extend(unneeded.map(|start| unneeded_exception(start)));
    faults
}

fn pronouns(sentences: &[Sentence], left: &[(&str, usize)]) -> Vec<String> {
    let found: Vec<_> = sentences.iter().filter(|sentence| begins_with_pronoun(&sentence.words)).collect();
    let is_excepted = |path: &str| left.iter().any(|(start, _)| path.starts_with(start));
    let mut faults = Vec::new();
    for Sentence { path, line, words } in found.iter().filter(|sentence| !is_excepted(&sentence.path)) {
        faults.push(format!("{path}:{line}: the subject is a pronoun, not a name: {}", words.join(" ")));
    }
    for (start, len_max) in left {
        let here: Vec<_> = found.iter().filter(|sentence| sentence.path.starts_with(start)).collect();
        if here.is_empty() {
            faults.push(unneeded_exception(start));
        } else if here.len() > *len_max {
            let places: Vec<_> = here.iter().map(|sentence| format!("{}:{}", sentence.path, sentence.line)).collect();
            let places = places.join(", ");
            faults.push(format!("{start}: {} sentences begin with a pronoun, not {len_max}: {places}", here.len()));
        }
    }
    faults
}

fn unneeded_exception(start: &str) -> String {
    format!("xtask/src/tidy/prose.rs: {start} needs no exception any more")
}

/// Whether a statement begins with a pronoun. A question may: "What is it?"
fn begins_with_pronoun(words: &[String]) -> bool {
    let [first, second, ..] = words else { return false };
    let is_question = words.last().is_some_and(|last| last.ends_with('?'));
    let is_before_verb = PRONOUNS_BEFORE_VERB.contains(&first.as_str()) && VERBS.contains(&second.as_str());
    !is_question && (PRONOUNS.contains(&first.as_str()) || is_before_verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::comments::sentences;
    use crate::tidy::planted;

    fn check_long(path: &str, text: &str, not_yet: &[&str], expected: &[&str]) {
        assert_eq!(long(&sentences(&planted(&[(path, text)])), not_yet), expected);
    }

    fn check_pronouns(text: &str, left: &[(&str, usize)], expected: &[&str]) {
        assert_eq!(pronouns(&sentences(&planted(&[("a/b.md", text)])), left), expected, "{text}");
    }

    #[test]
    fn sentences_that_are_too_long_are_found() {
        let words = ["word"; WORDS_MAX].join(" ");
        check_long("a.md", &format!("Short. {words}. {words}."), &[], &[]);
        let fault = format!("a.rs:2: a sentence of 26 words, more than 25: {words} word.");
        check_long("a.rs", &format!("/// Short.\n/// {words} word.\nfn a() {{}}\n"), &[], &[&fault]);
    }

    #[test]
    fn sentences_that_begin_with_a_pronoun_are_found() {
        for text in ["This page is it.", "Both sides do.", "What is it?", "One request.", "Its own.", "Which one goes."]
        {
            check_pronouns(text, &[], &[]);
        }
        for text in ["It is.", "What a hash tells.", "Who waits.", "They do.", "This is it.", "One that waits."] {
            let fault = format!("a/b.md:3: the subject is a pronoun, not a name: {text}");
            check_pronouns(&format!("First.\n\n{text}"), &[], &[&fault]);
        }
    }

    #[test]
    fn pronouns_that_are_left_only_become_fewer() {
        check_pronouns("It is. It was.", &[("a/", 2)], &[]);
        check_pronouns(
            "It is. It was.",
            &[("a/", 1)],
            &["a/: 2 sentences begin with a pronoun, not 1: a/b.md:1, a/b.md:1"],
        );
        check_pronouns("None.", &[("a/", 1)], &["xtask/src/tidy/prose.rs: a/ needs no exception any more"]);
    }

    #[test]
    fn an_exception_that_is_not_needed_is_found() {
        let long = ["word"; WORDS_MAX + 1].join(" ");
        check_long("a/b.md", &long, &["a/"], &[]);
        check_long("a/b.md", "Short.", &["a/"], &["xtask/src/tidy/prose.rs: a/ needs no exception any more"]);
    }
}
