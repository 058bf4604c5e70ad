// What the theme does not tell screen readers and keyboards (axe). Its own script wraps wide tables after this one was run.
document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search")
const reachable = () => document.querySelectorAll(".md-typeset__scrollwrap").forEach(area => area.tabIndex = 0)
new MutationObserver(reachable).observe(document.body, { childList: true, subtree: true })
reachable()
