"""The same as training.mjs by PyTorch and transformers. Arguments: a model's folder, the setting as JSON."""

import json
import resource
import sys
import time

import torch
from transformers import ChineseCLIPModel

folder, setting = sys.argv[1], json.loads(sys.argv[2])
batch, sequence, half = setting["batch"], setting["sequence"], setting["half"]
torch.set_num_threads(setting["threads"])
model = ChineseCLIPModel.from_pretrained(folder).eval()  # no dropout
config = model.config


def wave(*shape):
    i = torch.arange(torch.tensor(shape).prod().item(), dtype=torch.float64)
    return (torch.sin(i * 0.37) + torch.cos(i * 0.011)).to(torch.float32).reshape(shape)


i = torch.arange(batch * sequence)
ids = torch.where(i % sequence == 0, 101, 104 + (i * 37) % (config.text_config.vocab_size - 110)).reshape(batch, sequence)
size = config.vision_config.image_size
text_only = setting["textOnly"]
images = wave(batch, config.projection_dim) if text_only else wave(batch, 3, size, size)
if text_only:
    model.vision_model, model.visual_projection = None, None


def loss_of():
    hidden = model.text_model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, 0]
    texts = model.text_projection(hidden)
    features = images
    if not text_only:
        features = model.visual_projection(model.vision_model(pixel_values=images).pooler_output)
    features = features / features.norm(dim=-1, keepdim=True)
    texts = texts / texts.norm(dim=-1, keepdim=True)
    logits = model.logit_scale.exp() * features @ texts.t()
    labels = torch.arange(batch)
    return (torch.nn.functional.cross_entropy(logits, labels) + torch.nn.functional.cross_entropy(logits.t(), labels)) / 2


losses, seconds = [], []
for step in range(setting["steps"]):
    model.zero_grad(set_to_none=False)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = loss_of()
    loss.backward()
    seconds.append(time.perf_counter() - start)
    losses.append(loss.item())
norm = sum((p.grad.double() ** 2).sum() for p in model.parameters() if p.grad is not None).sqrt().item()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"losses": losses, "seconds": seconds, "norm": norm, "peak": peak}))
