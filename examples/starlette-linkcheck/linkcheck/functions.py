"""Checking the links of a page, all at once, each in a step of its own; and checking all pages every night."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urljoin

import httpx

import inngest

from .database import save, watched

client = inngest.Inngest(app_id="linkcheck")
MOST_LINKS = 50


async def find_links(url: str) -> list[str]:
    """Get a page; return the addresses that it links to. A page that cannot be read is tried again, as is any step."""
    async with httpx.AsyncClient(follow_redirects=True) as http:
        page = (await http.get(url)).raise_for_status()
    found = (urljoin(url, link) for link in re.findall(r'<a [^>]*href="([^"#]+)"', page.text))
    return list(dict.fromkeys(link for link in found if link.startswith("http")))[:MOST_LINKS]


async def check(link: str) -> int:
    """Return the status with which a link answers, 0 for one that does not."""
    try:
        async with httpx.AsyncClient(follow_redirects=True, timeout=10) as http:
            return (await http.get(link)).status_code
    except httpx.TransportError:
        return 0


@client.create_function(
    fn_id="check-page",
    trigger=inngest.TriggerEvent(event="page/check.due"),
    concurrency=[inngest.Concurrency(limit=5)],
)
async def check_page(ctx: inngest.Context, step: inngest.Step) -> dict[str, int]:
    """Return the status of each link that is dead."""
    page: str = ctx.event.data["url"]
    links = await step.run("find links", find_links, page)
    statuses = await asyncio.gather(*(step.run(f"check {link}", check, link) for link in links))
    await step.run("save", save, page, dict(zip(links, statuses, strict=True)))
    return {link: status for link, status in zip(links, statuses, strict=True) if not 200 <= status < 400}


@client.create_function(fn_id="check-all-pages", trigger=inngest.TriggerCron(cron="TZ=Europe/Berlin 0 3 * * *"))
async def check_all_pages(_: inngest.Context, step: inngest.Step) -> int:
    pages = await step.run("list pages", watched)
    events = [inngest.Event(name="page/check.due", data={"url": page}) for page in pages]
    if events:
        await step.send_event("check each", events)
    return len(events)
