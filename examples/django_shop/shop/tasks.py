"""The task that workers run."""

from django.tasks import task

from .webhooks import queued


@task
def work_off(message: str) -> None:
    """Handle an event that the web server received."""
    queued.process(message)
