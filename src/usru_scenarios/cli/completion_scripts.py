"""The scripts that complete command lines in bash, zsh and fish, and where these shells look for them.

A script knows commands and options, and asks the program for names (`cli/completion.py`), so that an answer takes no
longer than help does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from usru_scenarios.cli.commands import COMMANDS, command_function
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Declaration
from usru_scenarios.problems import list_choices, suggest_name

_BASH_COMPLETIONS = (
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/usr/local/etc/profile.d/bash_completion.sh",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
    "/etc/bash_completion",
)
"""Where the package is that reads scripts of completion when they are needed."""


class ScriptPlace(NamedTuple):
    """Where a shell finds a script.

    Attributes:
        script: the file.
        rc: the file that the shell reads as it starts, where it must say that there is a script.
        lines: what it must say then.
    """

    script: Path
    rc: Path | None = None
    lines: tuple[str, ...] = ()


def script(shell: str | None = None) -> str:
    """The script for a shell, by default for that of the user, to be sourced or put where the shell looks.

    Raises:
        OptionError: there is no script for it.
    """
    template, case = _TEMPLATES[_shell_name(shell)]
    cases = "".join(case.format(name, _option_names(name), _option_names(name, valued=True)) for name in COMMANDS)
    first = template.replace("COMMANDS", " ".join((*COMMANDS, "help"))).replace("GENERAL", _GENERAL)
    before, place, after = first.partition("        CASES\n")
    assert place, "a script has a place for the options of commands"
    return before + cases + after


def install(shell: str | None = None) -> list[str]:
    """Put the script for a shell where it looks for it, and return what was done, a sentence each.

    What is there already is left as it is, so that nothing is ever written twice.

    Raises:
        OptionError: there is no script for the shell.
        OSError: a file can't be written.
    """
    shell = _shell_name(shell)
    place = find_place(shell)
    messages = [_write_script(place.script, script(shell))]
    if place.rc is not None and (message := _append_lines(place.rc, place.lines)):
        messages.append(message)
    return [*messages, f"It holds for every {shell} that is started from now on."]


def find_place(shell: str) -> ScriptPlace:
    """Where a shell finds the script."""
    home = Path.home()
    if shell == "fish":
        return ScriptPlace(_env_folder("XDG_CONFIG_HOME", home / ".config") / "fish" / "completions" / "usru.fish")
    if shell == "bash":
        file = _env_folder("XDG_DATA_HOME", home / ".local" / "share") / "bash-completion" / "completions" / "usru"
        if any(Path(package).exists() for package in _BASH_COMPLETIONS):
            return ScriptPlace(file)
        return ScriptPlace(file, home / ".bashrc", (f"source '{file}'",))
    folder = home / ".zfunc"
    rc = _env_folder("ZDOTDIR", home) / ".zshrc"
    return ScriptPlace(folder / "_usru", rc, (f"fpath+=('{folder}')", "autoload -Uz compinit && compinit"))


def _env_folder(variable: str, usual: Path) -> Path:
    named = os.environ.get(variable)
    return Path(named) if named else usual


def _write_script(file: Path, text: str) -> str:
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return f"{file} is there already."
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return f"The script is in {file}."


def _append_lines(rc: Path, lines: tuple[str, ...]) -> str:
    """Append the lines that it lacks to the file that a shell reads as it starts, and return what was done."""
    present = rc.read_text(encoding="utf-8", errors="surrogateescape") if rc.exists() else ""
    missing = [line for line in lines if line not in present.splitlines()]
    if not missing:
        return ""
    if lines[0] in missing:
        missing = list(lines)  # in their order
    start = "\n" if present and not present.endswith("\n") else ""
    with rc.open("a", encoding="utf-8") as file:
        file.write(start + "".join(f"{line}\n" for line in missing))
    return f"{rc} reads it: {'; '.join(missing)}"


def _shell_name(shell: str | None) -> str:
    """The name of a shell that there is a script for.

    Raises:
        OptionError: there is none.
    """
    shells = list(_TEMPLATES)
    named = Path(os.environ.get("SHELL", "")).name if shell is None else shell
    if named in shells:
        return named
    if shell is None:
        raise OptionError(
            f"there is no completion for the shell {named}" if named else "SHELL says no shell",
            f"say which: usru --install-completion {shells[0]}, {shells[1]} or {shells[2]}",
        )
    raise OptionError(f"there is no completion for '{shell}'", suggest_name(shell, shells) or list_choices(shells))


def _option_names(name: str, *, valued: bool = False) -> str:
    """The options of a command, or those that a value follows."""
    options = Declaration(command_function(name)).parameters
    if valued:
        options = [option for option in options if not option.is_flag and option.implied is None]
    return " ".join([*(text for option in options for text in option.names), *([] if valued else ["--help"])])


_GENERAL = "--help --version --quiet --debug --show-completion --install-completion"

_OPTIONS = r"""        if [[ "$word" != -* ]]; then command="$word"; break; fi
    done
    case "$command" in
        "") options="COMMANDS GENERAL";;
        help) options="COMMANDS";;
        CASES
    esac
"""
"""In bash and zsh: the command, the first word that is no option, and which options it has."""

_BASH = r"""_usru() {
    local line="${COMP_LINE:0:COMP_POINT}" command="" options="" valued="" word current before found
    local -a words
    read -ra words <<< "$line"
    if [[ "$line" == *[[:space:]] ]]; then words+=(""); fi
    local last=$((${#words[@]} - 1))
    current="${words[last]}" before="${words[last - 1]}"
    for word in "${words[@]:1:last-1}"; do
OPTIONS    local IFS=$'\n'
    if [[ "$command" == "" || "$command" == help || "$current" == -* ]]; then
        COMPREPLY=($(compgen -W "${options// /$IFS}" -- "$current"))
    elif [[ "$before" == -o || "$before" == --output || "$before" == --queries ]]; then
        COMPREPLY=($(compgen -f -- "$current"))
    else
        found="$("${words[0]}" --complete "$command" "$before" "${words[@]:2:last-2}" 2> /dev/null)"
        COMPREPLY=($(compgen -W "$found" -- "$current"))
        if [[ " $valued " != *" $before "* ]]; then
            COMPREPLY+=($(compgen -f -X '!*.y*ml' -- "$current"))
        fi
    fi
    local cut="${current%"${current##*[=:@]}"}" number
    for number in "${!COMPREPLY[@]}"; do
        if [[ "${COMPREPLY[number]}" == *= ]]; then compopt -o nospace 2> /dev/null; fi
        COMPREPLY[number]="${COMPREPLY[number]#"$cut"}"
    done
}
complete -F _usru usru
""".replace("OPTIONS", _OPTIONS)

_ZSH = r"""#compdef usru
_usru() {
    local command="" options="" valued="" word before="${(Q)words[CURRENT-1]}" current="${(Q)words[CURRENT]}"
    local -a found
    for word in "${(@Q)words[2,CURRENT-1]}"; do
OPTIONS    if [[ "$command" == "" || "$command" == help || "$current" == -* ]]; then
        compadd -- ${(s: :)options}
    elif [[ "$before" == (-o|--output|--queries) ]]; then
        _files
    else
        found=("${(@f)$("${(Q)words[1]}" --complete "$command" "$before" "${(@Q)words[3,CURRENT-1]}" 2> /dev/null)}")
        compadd -S "" -- ${(M)found:#*=}
        compadd -- ${found:#*=}
        if [[ " $valued " != *" $before "* ]]; then _files -g "*.y(a|)ml"; fi
    fi
}
if [[ "$zsh_eval_context[-1]" == loadautofunc ]]; then _usru "$@"; else compdef _usru usru; fi
""".replace("OPTIONS", _OPTIONS)

_FISH = r"""function __usru_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l before $words[-1]
    set -l command ""
    set -l options
    set -l valued
    for word in $words[2..-1]
        if not string match -q -- "-*" $word
            set command $word
            break
        end
    end
    switch "$command"
        case ""
            set options COMMANDS GENERAL
        case help
            set options COMMANDS
        CASES
    end
    if test -z "$command"; or test "$command" = help; or string match -q -- "-*" "$current"
        printf "%s\n" $options
    else if contains -- $before -o --output --queries
        __fish_complete_path "$current"
    else
        $words[1] --complete $command $before $words[3..-1] 2>/dev/null
        if not contains -- $before $valued
            __fish_complete_suffix .yaml
        end
    end
end
complete -c usru -f -a "(__usru_candidates)"
"""

_TEMPLATES = {
    "bash": (_BASH, '        {0}) options="{1}" valued="{2}";;\n'),
    "zsh": (_ZSH, '        {0}) options="{1}" valued="{2}";;\n'),
    "fish": (_FISH, "        case {0}\n            set options {1}\n            set valued {2}\n"),
}
"""By shell its script, and what it says of a command: its name, its options, and those that a value follows."""
