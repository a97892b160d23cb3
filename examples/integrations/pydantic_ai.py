"""An agent of pydantic-ai that survives crashes. Start it, with an engine, from the directory above `examples`:

    inngest dev examples.integrations.pydantic_ai

and ask it something from another terminal:

    inngest send support/asked '{"order": "A1"}'

The model is one for tests, which calls each tool once. For a real one, write for example `Agent("openai:gpt-5", ...)`.
"""

from __future__ import annotations

from pydantic_ai import Agent, FunctionToolset
from pydantic_ai.models.test import TestModel

import inngest
import inngest.asgi
from inngest.middleware.pydantic_ai import InngestDurability

client = inngest.Inngest(app_id="agents")
tools: FunctionToolset[str] = FunctionToolset(id="orders")


@tools.tool_plain
async def look_up_order() -> str:
    """Return the state of the order."""
    print("looked up A1", flush=True)
    return "shipped"


agent = Agent(TestModel(), name="support", deps_type=str, toolsets=[tools], capabilities=[InngestDurability[str]()])


@client.create_function(fn_id="support", trigger=inngest.TriggerEvent(event="support/asked"))
async def support(ctx: inngest.Context) -> str:
    result = await agent.run("Where is my order?", deps=str(ctx.event.data["order"]))
    return result.output


app = inngest.asgi.serve(client, [support])
