//! Text with variables, such as a custom log field.

/// Text with variables, checked when the program was compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
}

impl Template {
    /// Writes the text with the variables' values. In logs nothing is escaped: the log's own encoding must do that.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render(
        &self,
        _facts: &impl crate::Facts,
        out: &mut dyn std::fmt::Write,
    ) -> std::fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => out.write_str(text),
        })
    }
}
