"""`manage.py load_demo`: the demo team with its dataset and apps, made once."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from accounts.services import ensure_team
from apps.workflows import services
from apps.workflows.selectors.applications import applications_of
from console import demo


class Command(BaseCommand):
    help = "Make the demo team, index its documents and import its apps. What is there already is left alone."

    def handle(self, *args: Any, **options: Any) -> None:
        team = ensure_team(slug=demo.TEAM_SLUG, name=demo.TEAM_NAME)
        present = set(applications_of(team.id).values_list("name", flat=True))
        files = [str(path) for path in demo.dataset_files() if path.exists()]
        call_command("ingest", demo.DATASET, *files, team=team.slug, stdout=self.stdout, stderr=self.stderr)
        for document in demo.app_documents():
            name = services.document_name(document)
            if name in present:
                continue
            application, _saved = services.import_document(text=document, team_id=team.id)
            services.set_public(application, is_public=application.kind == "chat")
            self.stdout.write(f"{application.name} is ready")
