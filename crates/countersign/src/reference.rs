//! `docs/cli.md`: the help of every command on one page, compared with what the program says.

use clap::{Command, CommandFactory as _};

use crate::CommandLine;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

#[test]
fn the_reference_of_the_command_line_is_up_to_date() {
    let mut command = CommandLine::command().term_width(100);
    command.build();
    let mut page = "# Command line\n\nWritten by the program itself; `UPDATE_GOLDEN=1 cargo test -p countersign reference` renews it.\n".to_owned();
    describe(&mut command, "countersign", &mut page);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let known = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(known == page, "docs/cli.md is not what the program says");
}

fn describe(command: &mut Command, name: &str, page: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    page.push_str(&format!(
        "\n## {name}\n\n```text\n{}\n```\n",
        help.join("\n").trim_end()
    ));
    for part in command.get_subcommands_mut() {
        if part.get_name() != "help" {
            let name = format!("{name} {}", part.get_name());
            describe(part, &name, page);
        }
    }
}
