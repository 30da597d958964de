//! Outside text in messages, and the name that was probably meant.

/// Outside text in backticks, cut to a length that fits a message.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A remedy for an unknown name: the nearest known one if it is near, and all of them if they are few.
pub(crate) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = known
        .clone()
        .map(|name| (distance(unknown, name), name))
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
        .min();
    let list = known.map(|name| format!("`{name}`")).collect::<Vec<_>>();
    match near {
        Some((_, name)) => format!("Did you mean `{name}`?"),
        None if list.is_empty() => "Remove it: nothing is expected here".to_owned(),
        None => format!("Known here: {}", list.join(", ")),
    }
}

/// Edit distance without regard to case. Names longer than any of ours are not measured.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 64;
    if left.len() > LONGEST {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, l) in left.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        let mut next = vec![before];
        for (above, r) in row.iter().skip(1).zip(&right) {
            before = (diagonal + usize::from(l != *r))
                .min(above + 1)
                .min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
