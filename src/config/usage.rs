//! What a person is told of the command line: help without what would only confuse, and the same usage everywhere.

use clap::CommandFactory;

use super::Cli;

/// The command line as it is parsed.
pub fn command() -> clap::Command {
    let hidden = ["serve", "demo", "new", "fsck", "bundle"]
        .into_iter()
        .fold(Cli::command(), |whole, name| whole.mut_subcommand(name, without_server));
    let mut built = hidden.clone();
    built.build();
    with_whole_usage(hidden, &built)
}

/// The flags about a remote server would only confuse in the help of commands that talk to none.
fn without_server(subcommand: clap::Command) -> clap::Command {
    let globals: Vec<_> = Cli::command()
        .get_arguments()
        .filter(|argument| argument.is_global_set() && argument.get_id() != "json")
        .map(|argument| argument.clone().hide(true))
        .collect();
    subcommand.args(globals)
}

/// The usage in an error is that of the help: clap's own would show each option that was given, or that stands in the
/// environment, as if it had to be.
fn with_whole_usage(command: clap::Command, built: &clap::Command) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_string()).collect();
    names.into_iter().fold(command, |command, name| {
        let Some(built) = built.find_subcommand(&name) else { return command };
        let usage = built.clone().render_usage().to_string();
        let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_string();
        command.mut_subcommand(name, |subcommand| with_whole_usage(subcommand, built).override_usage(usage))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn usage_does_not_ask_for_what_has_a_default() {
        for words in [
            ["millrace", "tail", "--server", "http://localhost:9"],
            ["millrace", "deploy", "--json", "a.js"],
            ["millrace", "secrets", "--server=http://localhost:9", "set"],
        ] {
            let said = Cli::parse_words(&words).unwrap_err().to_string();
            let usage = said.lines().find(|line| line.starts_with("Usage: ")).unwrap_or(&said);
            assert!(!usage.contains("--server") && usage.contains("[OPTIONS]"), "{said}");
        }
        let said = Cli::parse_words(&["millrace", "secrets", "set"]).unwrap_err().to_string();
        assert!(said.contains("Usage: millrace secrets set [OPTIONS] <NAME>"), "{said}");
    }

    #[test]
    fn commands_without_a_server_do_not_offer_one_in_their_help() {
        let help = |name: &str| {
            let mut whole = command();
            whole.build();
            whole.find_subcommand_mut(name).unwrap().render_help().to_string()
        };
        assert!(!help("serve").contains("--server"));
        assert!(help("tail").contains("--server"));
    }
}
