// Keeps what a page shows of live jobs up to date, and loads the page of a job anew when it is over.
"use strict";

(() => {
    const EVERY_MS = 2000;
    // A tab that nobody looks at, and a server that does not answer, are asked less often.
    const SELDOM_MS = 15000;

    const parts = () => [...document.querySelectorAll("[data-job]")];

    // The server has escaped what it sends; replaced only where it differs, so that nothing flickers
    // and a screen reader is told what is new.
    function show(job, number) {
        for (const part of parts().filter((candidate) => candidate.dataset.job === number)) {
            const html = job[part.dataset.jobPart];
            if (html !== undefined && part.dataset.jobShown !== html) {
                part.dataset.jobShown = html;
                part.innerHTML = html;
            }
            if (!job.is_live) part.removeAttribute("data-job");
        }
        if (!job.is_live && document.querySelector(`[data-job-page="${number}"]`)) window.location.reload();
    }

    let timer;

    function askAfter(milliseconds) {
        window.clearTimeout(timer);
        timer = window.setTimeout(ask, milliseconds);
    }

    async function ask() {
        const live = parts();
        if (live.length === 0) return;
        let next = document.hidden ? SELDOM_MS : EVERY_MS;
        try {
            const query = [...new Set(live.map((part) => part.dataset.job))].map((number) => `id=${number}`).join("&");
            const response = await fetch(`${live[0].dataset.jobUrl}?${query}`, { headers: { Accept: "application/json" } });
            // Logged out in the meantime: there is nothing more to learn.
            if (response.redirected || response.status === 403) return;
            const answer = await response.json();
            for (const [number, job] of Object.entries(answer.jobs)) show(job, number);
        } catch {
            // The server restarts, or the network is away.
            next = SELDOM_MS;
        }
        askAfter(next);
    }

    document.addEventListener("DOMContentLoaded", () => askAfter(EVERY_MS));
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden) askAfter(0);
    });
})();
