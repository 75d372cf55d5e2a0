// The boxes that select2 puts in the place of select fields say what is chosen, but not what for:
// this gives each the label of its field, so that a screen reader reads it.
"use strict";

function labelBoxes() {
    document.querySelectorAll("select.select2-hidden-accessible").forEach((select, index) => {
        const box = select.nextElementSibling?.querySelector('.select2-selection[role="combobox"]');
        const label = select.labels[0];
        if (!box || !label || box.hasAttribute("data-labelled")) {
            return;
        }
        label.id ||= `label-of-${select.id || index}`;
        box.setAttribute("aria-labelledby", `${label.id} ${box.getAttribute("aria-labelledby") ?? ""}`.trim());
        box.querySelector('[role="textbox"]')?.setAttribute("aria-labelledby", label.id);
        box.setAttribute("data-labelled", "");
    });
}

// Django's explanations of a list of choices are spans, which may have a label only in a role.
function nameExplanations() {
    document.querySelectorAll(".help-tooltip[aria-label]:not([role])").forEach((span) => span.setAttribute("role", "img"));
}

// On a phone each cell says which column it is of. The theme writes Every Word With A Capital, as no list's head does.
document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("#result_list [data-label]").forEach((cell) => {
        cell.dataset.label = cell.dataset.label.charAt(0).toUpperCase() + cell.dataset.label.slice(1);
    });
});

// They come at moments of their own: after the page has loaded, and with each row added to a form.
new MutationObserver(() => {
    labelBoxes();
    nameExplanations();
}).observe(document.documentElement, { childList: true, subtree: true });
