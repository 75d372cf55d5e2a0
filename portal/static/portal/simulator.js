// Shows what the values in a policy's form would do, as they are changed. Nothing is saved by it.
"use strict";

(() => {
    // Long enough for a number of two digits to be typed.
    const WAIT_MS = 350;
    const DECIDING = ["account", "team", "idle_days", "grace_days", "sign_in_counts"];

    function start(part) {
        const form = part.closest("form");
        const says = part.querySelector("[data-simulator-says]");
        const shows = part.querySelector("[data-simulator-shows]");
        let timer;
        let asking;

        // Whoever may only look has no fields: the policy is shown as it was saved.
        function values() {
            const data = new FormData();
            data.append("csrfmiddlewaretoken", form.elements.namedItem("csrfmiddlewaretoken").value);
            data.append("policy", part.dataset.policy);
            for (const name of DECIDING) {
                const field = form.elements.namedItem(name);
                if (field && (field.type !== "checkbox" || field.checked)) data.append(name, field.value);
            }
            return data;
        }

        async function ask() {
            asking?.abort();
            asking = new AbortController();
            part.setAttribute("aria-busy", "true");
            try {
                const response = await fetch(part.dataset.simulator, {
                    method: "POST", body: values(), signal: asking.signal, headers: { Accept: "application/json" },
                });
                if (response.redirected || !response.ok) throw new Error(`The server answers ${response.status}`);
                const answer = await response.json();
                says.textContent = answer.says;
                // The server has escaped what it sends.
                shows.innerHTML = answer.html;
            } catch (error) {
                // A newer question is under way.
                if (error.name === "AbortError") return;
                says.textContent = "The numbers could not be had. Reload the page, or save to see them.";
                shows.replaceChildren();
            }
            part.removeAttribute("aria-busy");
        }

        function askSoon(event) {
            if (event && !DECIDING.includes(event.target.name)) return;
            window.clearTimeout(timer);
            timer = window.setTimeout(ask, WAIT_MS);
        }

        form.addEventListener("input", askSoon);
        // The boxes to search in tell of a choice through jQuery alone.
        const $ = window.django?.jQuery;
        if ($) $(form).on("change", askSoon);
        else form.addEventListener("change", askSoon);
        ask();
    }

    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-simulator]").forEach(start));
})();
