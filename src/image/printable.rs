//! What a person is shown of text from outside.

/// Without control characters and without those that turn the direction of what follows, or are not
/// seen (UAX #9): text from anywhere must not play with the terminal that it is shown on. Tabs stay.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect()
}

fn is_harmless(c: char) -> bool {
    c == '\t' || !(c.is_control() || turns_text(c))
}

/// The directional formatting characters of Unicode, and the invisible ones beside them.
#[must_use]
pub fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_moves_a_cursor_or_turns_text_is_left_out() {
        assert_eq!(printable("a\u{1b}[2Jb\tc\u{202e}d\r\n"), "a [2Jb\tc d  ");
        assert_eq!(printable("grüße, 世界"), "grüße, 世界");
    }
}
