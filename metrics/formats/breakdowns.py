"""The breakdowns inside usage records, typed as far as anybody ever sums them.

Fields by report: GitHub's schemas of the usage reports (users, organization, enterprise). Unknown keys
are no fault: GitHub adds some every month.
"""

from __future__ import annotations

import msgspec

from metrics.formats.fields import Amount, Count, Name


class Counted(msgspec.Struct, gc=False):
    user_initiated_interaction_count: Count | None = None
    code_generation_activity_count: Count | None = None
    code_acceptance_activity_count: Count | None = None
    loc_suggested_to_add_sum: Count | None = None
    loc_suggested_to_delete_sum: Count | None = None
    loc_added_sum: Count | None = None
    loc_deleted_sum: Count | None = None


class ByIde(Counted, kw_only=True, gc=False):
    ide: Name


class ByFeature(Counted, kw_only=True, gc=False):
    feature: Name


class ByLanguageFeature(Counted, kw_only=True, gc=False):
    language: Name
    feature: Name


class ByLanguageModel(Counted, kw_only=True, gc=False):
    language: Name
    model: Name


class ByModelFeature(Counted, kw_only=True, gc=False):
    model: Name
    feature: Name


class Tokens(msgspec.Struct, gc=False):
    output_tokens_sum: Count | None = None
    prompt_tokens_sum: Count | None = None
    avg_tokens_per_request: Amount | None = None


class Surface(msgspec.Struct, gc=False):
    """The CLI and the Copilot app."""

    session_count: Count | None = None
    request_count: Count | None = None
    prompt_count: Count | None = None
    token_usage: Tokens | None = None


class VSCodeAgent(msgspec.Struct, gc=False):
    session_count: Count | None = None
    total_user_messages: Count | None = None


class ByAgent(msgspec.Struct, gc=False):
    agent_id: Name
    agent_name: Name | None = None
    user_initiated_interaction_count: Count | None = None
    session_count: Count | None = None


class Used(msgspec.Struct, kw_only=True, gc=False):
    interaction_count: Count | None = None
    user_initiated_interaction_count: Count | None = None


class BySkill(Used, kw_only=True, gc=False):
    skill: Name


class ByCustomAgent(Used, kw_only=True, gc=False):
    custom_agent: Name


class ByMcp(Used, kw_only=True, gc=False):
    mcp: Name


class BySlashCommand(Used, kw_only=True, gc=False):
    slash_cmd: Name


class ByPlugin(Used, kw_only=True, gc=False):
    plugin: Name


class AdoptionPhase(msgspec.Struct, gc=False):
    phase_number: Count | None = None
    phase: Name | None = None


class Usage(msgspec.Struct, kw_only=True, gc=False):
    """What a person's day and an account's day have in common."""

    day: str
    enterprise_id: int | str | None = None
    organization_id: int | str | None = None
    report_start_day: str | None = None
    report_end_day: str | None = None
    created_at: str | None = None

    user_initiated_interaction_count: Count
    code_generation_activity_count: Count
    code_acceptance_activity_count: Count
    loc_suggested_to_add_sum: Count | None = None
    loc_suggested_to_delete_sum: Count | None = None
    loc_added_sum: Count | None = None
    loc_deleted_sum: Count | None = None

    totals_by_ide: list[ByIde] | None = None
    totals_by_feature: list[ByFeature] | None = None
    totals_by_language_feature: list[ByLanguageFeature] | None = None
    totals_by_language_model: list[ByLanguageModel] | None = None
    totals_by_model_feature: list[ByModelFeature] | None = None
    totals_by_cli: Surface | None = None
    totals_by_copilot_app: Surface | None = None
    totals_by_vscode_agent: VSCodeAgent | None = None
    totals_by_3rd_party_agent: list[ByAgent] | None = None
    totals_by_skill: list[BySkill] | None = None
    totals_by_custom_agent: list[ByCustomAgent] | None = None
    totals_by_mcp: list[ByMcp] | None = None
    totals_by_slash_cmd: list[BySlashCommand] | None = None
    totals_by_plugin: list[ByPlugin] | None = None

    distinct_skill_use_count: Count | None = None
    distinct_custom_agent_use_count: Count | None = None
    distinct_mcp_use_count: Count | None = None
    distinct_slash_cmd_use_count: Count | None = None
    distinct_plugin_use_count: Count | None = None
    chat_panel_ask_mode: Count | None = None
    chat_panel_edit_mode: Count | None = None
    chat_panel_agent_mode: Count | None = None
    chat_panel_plan_mode: Count | None = None
    chat_panel_custom_mode: Count | None = None
    chat_panel_unknown_mode: Count | None = None
