//! The rules of prose (CONTRIBUTING.md) that a program can hold.

use super::comments::Sentence;

/// The most words of a sentence.
const WORDS_MAX: usize = 25;

/// Pronouns that begin no sentence: the noun is in another sentence, or nowhere.
const PRONOUNS: [&str; 5] = ["It", "They", "What", "Who", "Whoever"];
/// Words that are pronouns if a verb follows: "This is", but not "This page is".
const PRONOUNS_BEFORE_VERB: [&str; 7] = ["Both", "One", "That", "These", "This", "Those", "Which"];
/// The words that follow a pronoun instead of its noun.
const VERBS: [&str; 27] = [
    "are", "can", "can't", "comes", "do", "does", "doesn't", "don't", "gets", "goes", "had", "has", "have", "holds",
    "is", "isn't", "may", "means", "must", "takes", "that", "was", "were", "which", "who", "will", "would",
];

/// Sentences that are too long, and those that begin with a pronoun.
pub fn faults(sentences: &[Sentence]) -> Vec<String> {
    sentences.iter().flat_map(|sentence| long(sentence).into_iter().chain(pronoun(sentence))).collect()
}

fn long(Sentence { path, line, words }: &Sentence) -> Option<String> {
    let text = words.join(" ");
    (words.len() > WORDS_MAX)
        .then(|| format!("{path}:{line}: a sentence of {} words, more than {WORDS_MAX}: {text}", words.len()))
}

/// A statement may not begin with a pronoun. A question may: "What is it?"
fn pronoun(Sentence { path, line, words }: &Sentence) -> Option<String> {
    let [first, second, ..] = words.as_slice() else { return None };
    let is_question = words.last().is_some_and(|last| last.ends_with('?'));
    let is_before_verb = PRONOUNS_BEFORE_VERB.contains(&first.as_str()) && VERBS.contains(&second.as_str());
    let is_pronoun = !is_question && (PRONOUNS.contains(&first.as_str()) || is_before_verb);
    is_pronoun.then(|| format!("{path}:{line}: the subject is a pronoun, not a name: {}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::comments::sentences;
    use crate::tidy::planted;

    fn check(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(faults(&sentences(&planted(&[(path, text)]))), expected, "{text}");
    }

    #[test]
    fn sentences_that_are_too_long_are_found() {
        let words = ["word"; WORDS_MAX].join(" ");
        check("a.md", &format!("Short. {words}. {words}."), &[]);
        let fault = format!("a.rs:2: a sentence of 26 words, more than 25: {words} word.");
        check("a.rs", &format!("/// Short.\n/// {words} word.\nfn a() {{}}\n"), &[&fault]);
    }

    #[test]
    fn sentences_that_begin_with_a_pronoun_are_found() {
        for text in ["This page is it.", "Both sides do.", "What is it?", "One request.", "Its own.", "Which one goes."]
        {
            check("a/b.md", text, &[]);
        }
        for text in ["It is.", "What a hash tells.", "Who waits.", "They do.", "This is it.", "One that waits."] {
            let fault = format!("a/b.md:3: the subject is a pronoun, not a name: {text}");
            check("a/b.md", &format!("First.\n\n{text}"), &[&fault]);
        }
    }
}
