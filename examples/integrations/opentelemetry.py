"""A shop whose runs are traced. Start it, with an engine, from the directory above `examples`:

    inngest dev examples.integrations.opentelemetry

and place an order from another terminal:

    inngest send shop/order.placed '{"order": "A1"}'

The spans are printed. A real app exports them, for example with `OTLPSpanExporter` of opentelemetry-exporter-otlp.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import inngest
import inngest.asgi
from inngest.middleware.opentelemetry import OpenTelemetryMiddleware


class Printing(SpanExporter):
    """Prints the name of each span. In production, take a `BatchSpanProcessor` and an exporter for your backend."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            print(f"span: {span.name}", flush=True)
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Printing()))
trace.set_tracer_provider(provider)

client = inngest.Inngest(app_id="otel-shop", middleware=[OpenTelemetryMiddleware])


def charge() -> str:
    return "paid"


@client.create_function(fn_id="fulfil", trigger=inngest.TriggerEvent(event="shop/order.placed"))
async def fulfil(ctx: inngest.Context) -> str:
    paid = await ctx.step.run("charge", charge)
    await ctx.step.sleep("wait", datetime.timedelta(milliseconds=100))
    return paid


app = inngest.asgi.serve(client, [fulfil])
