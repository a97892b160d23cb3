"""The endpoints. Each event is written to the outbox with what it tells of, so neither is there without the other."""

from __future__ import annotations

import fastapi
import pydantic
import sqlalchemy as sa

import inngest

from .database import InSession, Person, outbox

router = fastapi.APIRouter(tags=["people"])


class SignUp(pydantic.BaseModel):
    email: str = pydantic.Field(pattern="^[^@ ]+@[^@ ]+$")


class PersonOut(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(from_attributes=True)
    id: int
    email: str
    confirmed: bool


@router.post("/people", status_code=201)
async def sign_up(asked: SignUp, session: InSession) -> PersonOut:
    if await session.scalar(sa.select(Person).where(Person.email == asked.email)):
        raise fastapi.HTTPException(409, f"{asked.email} has signed up already")
    person = Person(email=asked.email, confirmed=False)
    session.add(person)
    await session.flush()
    outbox.add(session, inngest.Event(name="people/signed.up", data={"person": person.id}))
    return PersonOut.model_validate(person)


@router.post("/people/{number}/confirm")
async def confirm(number: int, session: InSession) -> PersonOut:
    person = await session.get(Person, number)
    if person is None:
        raise fastapi.HTTPException(404, "nobody has that number, or the time was up")
    person.confirmed = True
    outbox.add(session, inngest.Event(name="people/confirmed", data={"person": number}))
    return PersonOut.model_validate(person)


@router.get("/people")
async def list_people(session: InSession) -> list[PersonOut]:
    return [PersonOut.model_validate(person) for person in await session.scalars(sa.select(Person))]
