"""How names of features, editors, languages and models read; what is not known here is shown as it came.

Reports write names in their own way (`chat_panel_agent_mode`, `vscode`), in any case of letters.
"""

from __future__ import annotations

import re

FEATURES = {
    "code_completion": "Completions",
    "chat_inline": "Inline chat",
    "chat_panel_ask_mode": "Ask mode",
    "chat_panel_edit_mode": "Edit mode",
    "chat_panel_agent_mode": "Agent mode",
    "chat_panel_plan_mode": "Plan mode",
    "chat_panel_custom_mode": "Custom mode",
    "chat_panel_unknown_mode": "Chat, mode unknown",
    "agent_edit": "Agent edits",
    "copilot_cli": "Copilot CLI",
    "copilot_app": "Copilot app",
    "copilot_coding_agent": "Cloud agent",
    "others": "Others",
    "unknown": "Unknown",
}
IDES = {
    "vscode": "VS Code",
    "visualstudio": "Visual Studio",
    "intellij": "JetBrains IDEs",
    "jetbrains": "JetBrains IDEs",
    "eclipse": "Eclipse",
    "xcode": "Xcode",
    "neovim": "Neovim",
    "vim": "Vim",
    "emacs": "Emacs",
    "zed": "Zed",
    "copilot_cli": "Copilot CLI",
    "others": "Others",
    "unknown": "Unknown",
}
LANGUAGES = {
    "c": "C",
    "c++": "C++",
    "cpp": "C++",
    "csharp": "C#",
    "c#": "C#",
    "css": "CSS",
    "dart": "Dart",
    "dockerfile": "Dockerfile",
    "elixir": "Elixir",
    "go": "Go",
    "groovy": "Groovy",
    "haskell": "Haskell",
    "html": "HTML",
    "java": "Java",
    "javascript": "JavaScript",
    "javascriptreact": "JavaScript (React)",
    "json": "JSON",
    "jsonc": "JSON with comments",
    "julia": "Julia",
    "kotlin": "Kotlin",
    "less": "Less",
    "lua": "Lua",
    "makefile": "Makefile",
    "markdown": "Markdown",
    "matlab": "MATLAB",
    "objective-c": "Objective-C",
    "objectivec": "Objective-C",
    "perl": "Perl",
    "php": "PHP",
    "plaintext": "Plain text",
    "powershell": "PowerShell",
    "python": "Python",
    "r": "R",
    "ruby": "Ruby",
    "rust": "Rust",
    "scala": "Scala",
    "scss": "SCSS",
    "shellscript": "Shell",
    "shell": "Shell",
    "bash": "Bash",
    "sql": "SQL",
    "svelte": "Svelte",
    "swift": "Swift",
    "terraform": "Terraform",
    "toml": "TOML",
    "typescript": "TypeScript",
    "typescriptreact": "TypeScript (React)",
    "vue": "Vue",
    "xml": "XML",
    "yaml": "YAML",
    "others": "Others",
    "unknown": "Unknown",
}
MODELS = {"auto": "Auto", "default": "Default", "others": "Others", "unknown": "Unknown"}
# Makers whose models read `Name 4.5 Variant`; those of others keep their hyphens.
_FAMILIES = {"claude": "Claude", "gemini": "Gemini", "grok": "Grok", "raptor": "Raptor"}
_HYPHENED = re.compile(r"-(\d+)-(\d{1,2})(?=-|$)")
_GPT = re.compile(r"gpt-(?P<version>[\d.]+[a-z]?)(?P<rest>(?:-\w+)*)")

KNOWN = {"feature": FEATURES, "ide": IDES, "language": LANGUAGES, "model": MODELS}
NAMELESS = "(no name)"


def label(kind: str, name: str) -> str:
    """A `feature`, `ide`, `language` or `model` in words; a name not known here stays as it is."""
    folded = name.strip().casefold()
    if not folded:
        return NAMELESS
    known = KNOWN.get(kind, {}).get(folded)
    if known is not None:
        return known
    return _model(folded) or name if kind == "model" else name


def _model(name: str) -> str:
    if found := _GPT.fullmatch(name):
        return f"GPT-{found['version']}" + "".join(f" {word}" for word in found["rest"].split("-") if word)
    # Versions come as 4.5 and as 4-5.
    family, *rest = _HYPHENED.sub(r"-\1.\2", name).split("-")
    if family in _FAMILIES and rest:
        return " ".join([_FAMILIES[family], *(word.capitalize() for word in rest)])
    return ""
