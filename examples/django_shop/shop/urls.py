"""Three ways to receive webhooks. A shop needs only one of them."""

from django.urls import path

from finsecure.webhooks import django_async_view, django_view

from .webhooks import queued, webhook

urlpatterns = [
    path("webhooks", django_view(webhook)),
    path("webhooks/async", django_async_view(webhook)),
    path("webhooks/queued", django_view(queued)),
]
