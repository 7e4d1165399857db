"""Sums over traces and calls of models, by hour and by day: what dashboards, alerts and filters read."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from support.ids import uuid7


class Rollup(models.Model):
    """What happened within one hour or day, of one app, or of one model or user within it.

    The rows of one dimension add up to the whole; rows of different dimensions count the same things again. They are
    written in the transaction of the rows they count, and outlive these.
    """

    class Grain(models.TextChoices):
        HOUR = "hour"
        DAY = "day"

    class Dimension(models.TextChoices):
        #: Traces, by app.
        APP = "app"
        #: Calls of models, by app and model.
        MODEL = "model"
        #: Traces that name a user, by app and user.
        USER = "user"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team_id = models.UUIDField()
    grain = models.CharField(max_length=4, choices=Grain.choices)
    dimension = models.CharField(max_length=5, choices=Dimension.choices)
    #: The beginning of the hour or day, in UTC.
    at = models.DateTimeField()
    #: The id of an app of ours; the name of a service elsewhere.
    app = models.CharField(max_length=200)
    #: Of the model or user; empty for apps.
    name = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=20)
    environment = models.CharField(max_length=100, blank=True)
    #: Of the cost; empty where nothing has a price.
    currency = models.CharField(max_length=3, blank=True)
    #: As it was called last.
    app_name = models.CharField(max_length=200)

    count = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    stopped = models.BigIntegerField(default=0)
    spans = models.BigIntegerField(default=0)
    duration_us = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=24, decimal_places=10, default=0)
    unpriced_calls = models.BigIntegerField(default=0)
    #: Counts of the buckets of `support.histogram`.
    durations = ArrayField(models.BigIntegerField(), default=list)
    first_texts = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("team_id", "grain", "dimension", "at", "app"),
                    *("name", "source", "environment", "currency"),
                ],
                name="rollup_once",
            )
        ]
        indexes = [models.Index(fields=["grain", "dimension", "at"], name="rollup_of_all_teams")]

    def __str__(self) -> str:
        return f"{self.dimension} {self.name or self.app_name} {self.at:%Y-%m-%d %H:%M}"
