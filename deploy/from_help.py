#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes what people read and shells complete from what the programs say themselves:

    from_help.py man TEMPLATE PROGRAM OUT     a manual page, in mdoc
    from_help.py bash PROGRAM OUT             the completion of claimctl,
    from_help.py zsh PROGRAM OUT              in each shell's own words
    from_help.py fish PROGRAM OUT

A program prints --help from the table that it parses its options by, so neither can
tell of an option that is not there. In a template @OPTIONS@ stands for the list of
options, and @VERBS@ for claimctl's verbs with theirs."""

import os
import re
import subprocess
import sys
import textwrap

OPTION = re.compile(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))?(?:  +(.*))?$")
VERB = re.compile(r"^  ([a-z-]+)  +(\S.*)$")

KINDS = ("storageclass", "persistentvolume", "persistentvolumeclaim", "pod",
         "event", "sc", "pv", "pvc", "po", "ev")


class Help:
    """What PROGRAM [VERB] --help says, in its parts."""

    def __init__(self, argv):
        # Programs that are built with sanitizers look for leaks at their end.
        text = subprocess.run(
            [*argv, "--help"], text=True, check=True, stdout=subprocess.PIPE,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
            timeout=120).stdout
        usage, _, rest = text.partition("\n")
        self.usage = usage.removeprefix("Usage: ")
        summary, _, rest = rest.strip("\n").partition("\n\nOptions:\n")
        self.summary = summary
        options, _, epilogue = rest.partition("\n\n")
        self.options = [match.groups() for match in
                        map(OPTION.match, options.splitlines()) if match]
        self.epilogue = epilogue.strip("\n")
        self.text = text


def verbs(program):
    """{name: (one line, Help)}"""
    listed = Help([program]).text.partition("\nVerbs:\n")[2]
    found = [match.groups() for match in
             map(VERB.match, listed.partition("\n\n")[0].splitlines())
             if match]
    return {name: (line, Help([program, name])) for name, line in found}


# Manual pages

def escape(text):
    text = text.replace("\\", "\\e")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.M)


def paragraph(text):
    """Lines of prose; a sentence begins a line of its own, as mdoc(7) wants it."""
    words = " ".join(text.split())
    sentences = re.split(r"(?<=[a-z)][.])\s+(?=[A-Z])", words)
    return "\n".join(escape("\n".join(textwrap.wrap(
        sentence, 78, break_on_hyphens=False, break_long_words=False)))
        for sentence in sentences)


def option_list(help_):
    lines = [".Bl -tag -width Ds"]
    for letter, name, value, text in help_.options:
        names = (f"Fl {letter} , " if letter else "") + f"Fl -{name}"
        lines.append(f".It {names}" + (f" Ar {escape(value)}" if value
                                       else ""))
        lines.append(paragraph(text or ""))
    return "\n".join(lines + [".El"])


def literal(text):
    indented = textwrap.dedent(text)
    return ".Bd -literal -offset indent\n" + escape(indented) + "\n.Ed"


def epilogue(text):
    """Prose and examples: blocks that are indented stay as they are."""
    blocks = re.split(r"\n\n+", text) if text else []
    return "\n.Pp\n".join(
        literal(block) if block.startswith(" ") else paragraph(block)
        for block in blocks).replace(".Pp\n.Bd", ".Bd")


def verb_sections(program):
    parts = []
    for name, (_, help_) in verbs(program).items():
        parts.append(f".Ss {name}")
        parts.append(f".D1 Nm Cm {name} "
                     + escape(help_.usage.split(name, 1)[1].strip()))
        parts.append(".Pp")
        parts.append(paragraph(help_.summary))
        parts.append(option_list(help_))
        if help_.epilogue:
            parts.append(".Pp\n" + epilogue(help_.epilogue)
                         if not help_.epilogue.startswith(" ")
                         else epilogue(help_.epilogue))
    return "\n".join(parts)


def man(template, program):
    with open(template, encoding="utf-8") as f:
        text = f.read()
    if "@OPTIONS@" in text:
        text = text.replace("@OPTIONS@", option_list(Help([program])))
    if "@VERBS@" in text:
        text = text.replace("@VERBS@", verb_sections(program))
    return text


# Completion

BASH = """\
# bash completion for claimctl; made by deploy/from_help.py

_claimctl_names()
{{
	"${{COMP_WORDS[0]}}" get "$1" -A -o name 2>/dev/null |
		sed 's|.*/||'
}}

_claimctl_words()
{{
	local verb=$1 kind=$2 prev=$3

	case $prev in
	-o | --output) echo json yaml wide name; return ;;
	esac
	if [[ -z $verb ]]; then
		echo {verbs} --help --version
		return
	fi
	if [[ $cur == -* ]]; then
		case $verb in
{options}		esac
		return
	fi
	case $verb in
	{with_kinds})
		if [[ -z $kind ]]; then
			echo {kinds}
		else
			_claimctl_names "$kind"
		fi
		;;
	{with_classes}) _claimctl_names storageclass ;;
	{with_volumes}) _claimctl_names persistentvolume ;;
	esac
}}

_claimctl()
{{
	local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
	local verb= kind= i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${{COMP_WORDS[i]}} in
		{with_values}) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $verb ]]; then
				verb=${{COMP_WORDS[i]}}
			elif [[ -z $kind ]]; then
				kind=${{COMP_WORDS[i]}}
			fi
			;;
		esac
	done
	case $prev in
	-f | --filename | --meta)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	COMPREPLY=($(compgen -W "$(_claimctl_words "$verb" "$kind" "$prev")" \\
		-- "$cur"))
}}

complete -F _claimctl claimctl
"""


def long_options(help_):
    return " ".join(f"--{name}" for _, name, _, _ in help_.options)


def with_values(found):
    """All options whose next word is their value."""
    names = set()
    for _, help_ in found.values():
        for letter, name, value, _ in help_.options:
            if value:
                names |= {f"--{name}"} | ({f"-{letter}"} if letter else set())
    return " | ".join(sorted(names))


def having(found, word):
    """Verbs whose usage names such an operand; never an empty pattern."""
    names = [name for name, (_, help_) in found.items()
             if re.search(rf"\b{word}\b", re.sub(r"--\S+", "",
                                                 help_.usage))]
    return " | ".join(names) or "''"


def bash(program):
    found = verbs(program)
    lines = [f"\t\t{name}) echo {long_options(help_)} ;;\n"
             for name, (_, help_) in found.items()]
    return BASH.format(
        verbs=" ".join(found), options="".join(lines),
        with_values=with_values(found), kinds=" ".join(KINDS), with_kinds=having(found, "KIND"),
        with_classes=having(found, "CLASS"),
        with_volumes=having(found, "PV"))


ZSH = """\
#compdef claimctl
# made by deploy/from_help.py

_claimctl_operands()
{{
	case $words[2] in
	{with_kinds})
		if [[ $CURRENT == 3 || $words[CURRENT-1] == -* ]]; then
			compadd -- {kinds}
		else
			compadd -- ${{(f)"$($words[1] get $words[3] -A -o name \
				2>/dev/null | sed 's|.*/||')"}}
		fi
		;;
	*) _files ;;
	esac
}}

_claimctl()
{{
	local -a verbs=(
{verbs}	)

	if (( CURRENT == 2 )); then
		_describe verb verbs
		return
	fi
	case $words[2] in
{options}	esac
}}

_claimctl "$@"
"""


def quoted(text):
    """For zsh and fish, in single quotes; a bracket or colon means nothing."""
    return re.sub(r"[][:\\\\']", " ", text or "").strip()


def zsh_option(letter, name, value, text):
    end = f"'[{quoted(text)}]" + (f":{quoted(value)}:_files'" if value
                                  else "'")
    if letter:
        return f"'(-{letter} --{name})'{{-{letter},--{name}}}{end}"
    return f"--{name}{end}"


def zsh(program):
    found = verbs(program)
    options = "".join(
        f"\t{name})\n\t\t_arguments : "
        + " \\\n\t\t\t".join([zsh_option(*option) for option in help_.options]
                             + ["'*:operand:_claimctl_operands'"])
        + "\n\t\t;;\n" for name, (_, help_) in found.items())
    return ZSH.format(
        verbs="".join(f"\t\t'{name}:{quoted(line)}'\n"
                      for name, (line, _) in found.items()),
        options=options, kinds=" ".join(KINDS),
        with_kinds=having(found, "KIND"))


def fish(program):
    found = verbs(program)
    lines = ["# fish completion for claimctl; made by deploy/from_help.py",
             "complete -c claimctl -f"]
    for name, (line, help_) in found.items():
        lines.append("complete -c claimctl -n __fish_use_subcommand "
                     f"-a {name} -d '{quoted(line)}'")
        seen = f"complete -c claimctl -n '__fish_seen_subcommand_from {name}'"
        for letter, option, value, text in help_.options:
            lines.append(seen + (f" -s {letter}" if letter else "")
                         + f" -l {option}" + (" -r -F" if value else "")
                         + f" -d '{quoted(text)}'")
    kinds = having(found, "KIND").replace(" | ", " ")
    lines.append("complete -c claimctl -n '__fish_seen_subcommand_from "
                 f"{kinds}' -a '{' '.join(KINDS)}'")
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1] == "man":
        text = man(sys.argv[2], sys.argv[3])
    else:
        text = {"bash": bash, "zsh": zsh, "fish": fish}[sys.argv[1]](
            sys.argv[2])
    with open(sys.argv[-1], "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
