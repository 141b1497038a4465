//! Telling questions in another language from questions in English, which is all that is understood.
//!
//! Only what is plain is told: most letters are of another script, or there are words that join sentences in another
//! language and none that do so in English. Anything else is left to those who understand questions.

/// Words that join English sentences and no other language's.
const ENGLISH: &[&str] = &[
    "how", "what", "when", "which", "who", "why", "where", "were", "did", "does", "the", "of",
    "for", "and", "from", "since", "price", "last", "this", "that", "with", "show", "tell", "much",
    "many", "highest", "lowest", "average",
];

/// Words that join German, French, Spanish, Italian, Portuguese, Dutch and Polish sentences and no English ones.
const OTHERS: &[&str] = &[
    "wie",
    "hat",
    "sich",
    "der",
    "das",
    "ist",
    "im",
    "vom",
    "und",
    "von",
    "für",
    "welche",
    "welcher",
    "wann",
    "warum",
    "wieviel",
    "hoch",
    "preis",
    "kurs",
    "entwickelt",
    "le",
    "la",
    "les",
    "des",
    "du",
    "est",
    "quel",
    "quelle",
    "comment",
    "combien",
    "dans",
    "sur",
    "pour",
    "prix",
    "évolué",
    "était",
    "el",
    "los",
    "las",
    "de",
    "del",
    "cuál",
    "cual",
    "cómo",
    "cuánto",
    "cuanto",
    "en",
    "es",
    "por",
    "precio",
    "fue",
    "il",
    "gli",
    "di",
    "della",
    "quanto",
    "qual",
    "era",
    "è",
    "prezzo",
    "nel",
    "da",
    "em",
    "foi",
    "preço",
    "het",
    "een",
    "wat",
    "hoe",
    "van",
    "prijs",
    "jak",
    "ile",
    "cena",
    "była",
    "czy",
];

/// Whether `question` is plainly in another language than English.
pub(crate) fn is_other(question: &str) -> bool {
    let letters = || question.chars().filter(|c| c.is_alphabetic());
    let foreign_letters = letters().filter(|c| !is_latin(*c)).count();
    if foreign_letters * 2 > letters().count() {
        return true;
    }
    let text = question.to_lowercase();
    let words = || {
        text.split(|c: char| !c.is_alphabetic())
            .filter(|word| !word.is_empty())
    };
    let count = |known: &[&str]| words().filter(|word| known.contains(word)).count();
    count(OTHERS) >= 2 && count(ENGLISH) == 0
}

/// Latin letters, with those of Latin-1 and Latin Extended-A and -B.
fn is_latin(letter: char) -> bool {
    letter.is_ascii() || ('\u{00c0}'..='\u{024f}').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_plainly_in_another_language_is_told() {
        fn check(question: &str, expected: bool) {
            assert_eq!(is_other(question), expected, "{question}");
        }
        check("How did the ZEC price trend in January 2019?", false);
        check("ZEC", false);
        check("zec price ytd", false);
        check("BTC de facto price", false);
        check("2018-12-17?!", false);
        check("", false);
        check(
            "Wie hat sich der ZEC-Preis im Januar 2019 entwickelt?",
            true,
        );
        check("Quel était le prix du bitcoin en janvier 2018 ?", true);
        check("¿Cuál fue el precio de ZEC en enero de 2019?", true);
        check("Qual era il prezzo di ETH nel 2018?", true);
        check("Qual foi o preço do bitcoin em 2018?", true);
        check("Wat was de prijs van bitcoin in 2018?", true);
        check("比特币的价格是多少", true);
        check("Какая была цена ZEC в январе 2019?", true);
        check("2019年1月のZECの価格は?", true);
    }
}
