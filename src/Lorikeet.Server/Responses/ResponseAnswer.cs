using System.Text.Json;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Writes a response: its output is a list of items, each a message or a call; in a stream each item begins, grows and ends by events of its own.</summary>
internal sealed class ResponseAnswer(GenerationServices services, ChatJob job, ResponseEcho echo, Admission.Ticket ticket) : AnswerWriter<ChatJob>(services, job, "resp_")
{
    private readonly ChoiceState choice = new(0, CallReader.Of(job.Tools));
    private readonly List<ResponseItem> items = [];
    private int sequence;

    private bool IsCut => choice.Finish == FinishReason.Length;

    protected override IAsyncEnumerable<GenerationEvent> Run(CancellationToken stop)
    {
        GenerationRequest request = Services.Request(ticket.Caller, Job.Adapter, Job.Spec, Job.Prompt, Job.MaxTokens, Job.Top, Job.Constraint);
        return Services.Runner.RunAsync(ticket, [request], Job.Adapter, Job.Deadline, Usage, stop);
    }

    protected override async Task OpenAsync(EventStream stream)
    {
        await SayAsync(stream, "response.created", json => WriteResponse(json, ResponseItem.Running));
        await SayAsync(stream, "response.in_progress", json => WriteResponse(json, ResponseItem.Running));
    }

    protected override async Task TakeAsync(GenerationEvent next, EventStream? stream)
    {
        ChoiceState.Piece piece = choice.Take(next, Job.Top >= 0, Job.Spec.StopIds);
        for (int i = 0; i < piece.Parts.Count; i++)
        {
            AnswerPart part = piece.Parts[i];
            if (part.Call < 0 ? items is not [.., { IsMessage: true }] : part.Name is not null)
            {
                await BeginAsync(part, stream);
            }
            if (part.Text.Length > 0)
            {
                // Scores go with the last part, and only messages have them.
                await GrowAsync(items[^1], part.Text, i == piece.Parts.Count - 1 && part.Call < 0 ? piece.Scores : [], stream);
            }
        }
        if (choice.IsEnded && items.Count == 0)
        {
            await BeginAsync(AnswerPart.Content(""), stream);
        }
    }

    protected override async Task CloseAsync(EventStream stream)
    {
        await EndAsync(items[^1], stream);
        await SayAsync(stream, IsCut ? "response.incomplete" : "response.completed", json => WriteResponse(json, IsCut ? ResponseItem.Cut : ResponseItem.Complete));
    }

    protected override Task FailAsync(EventStream stream, ApiException error) => SayAsync(stream, "response.failed", json => WriteResponse(json, "failed", error));

    protected override void Write(Utf8JsonWriter json) => WriteMembers(json, IsCut ? ResponseItem.Cut : ResponseItem.Complete, null);

    private async Task BeginAsync(AnswerPart part, EventStream? stream)
    {
        if (stream is not null && items.Count > 0)
        {
            await EndAsync(items[^1], stream);
        }
        ResponseItem item = new(items.Count, part.Id, part.Name);
        items.Add(item);
        if (stream is null)
        {
            return;
        }
        await SayAsync(stream, "response.output_item.added", json =>
        {
            json.WriteNumber("output_index", item.Index);
            json.WritePropertyName("item");
            item.Write(json, ResponseItem.Running, begun: false, WriteScores);
        });
        if (item.IsMessage)
        {
            await SayAsync(stream, "response.content_part.added", json =>
            {
                Place(json, item);
                json.WritePropertyName("part");
                item.WritePart(json, begun: false, WriteScores);
            });
        }
    }

    private async Task GrowAsync(ResponseItem item, string text, IReadOnlyList<ScoredToken> scores, EventStream? stream)
    {
        item.Text.Append(text);
        item.Scores.AddRange(scores);
        if (stream is not null)
        {
            await SayAsync(stream, item.IsMessage ? "response.output_text.delta" : "response.function_call_arguments.delta", json =>
            {
                Place(json, item);
                json.WriteString("delta", text);
                if (item.IsMessage)
                {
                    json.WritePropertyName("logprobs");
                    WriteScores(json, scores);
                }
            });
        }
    }

    private async Task EndAsync(ResponseItem item, EventStream stream)
    {
        if (item.IsMessage)
        {
            await SayAsync(stream, "response.output_text.done", json =>
            {
                Place(json, item);
                json.WriteString("text", item.Text.ToString());
                json.WritePropertyName("logprobs");
                WriteScores(json, item.Scores);
            });
            await SayAsync(stream, "response.content_part.done", json =>
            {
                Place(json, item);
                json.WritePropertyName("part");
                item.WritePart(json, begun: true, WriteScores);
            });
        }
        else
        {
            await SayAsync(stream, "response.function_call_arguments.done", json =>
            {
                Place(json, item);
                json.WriteString("name", item.Name);
                json.WriteString("arguments", item.Text.ToString());
            });
        }
        await SayAsync(stream, "response.output_item.done", json =>
        {
            json.WriteNumber("output_index", item.Index);
            json.WritePropertyName("item");
            item.Write(json, StatusOf(item), begun: true, WriteScores);
        });
    }

    private string StatusOf(ResponseItem item) => IsCut && item.Index == items.Count - 1 ? ResponseItem.Cut : ResponseItem.Complete;

    private static void Place(Utf8JsonWriter json, ResponseItem item)
    {
        json.WriteString("item_id", item.Id);
        json.WriteNumber("output_index", item.Index);
        if (item.IsMessage)
        {
            json.WriteNumber("content_index", 0);
        }
    }

    private Task SayAsync(EventStream stream, string type, Action<Utf8JsonWriter> write)
    {
        int number = sequence++;
        return stream.SendNamedAsync(type, json =>
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteNumber("sequence_number", number);
            write(json);
            json.WriteEndObject();
        });
    }

    private void WriteScores(Utf8JsonWriter json, IReadOnlyList<ScoredToken> scores) => Services.Names.WriteList(json, scores, Job.Top, Job.Spec.TokensAsIds);

    private void WriteResponse(Utf8JsonWriter json, string status, ApiException? error = null)
    {
        json.WritePropertyName("response");
        WriteMembers(json, status, error);
    }

    private void WriteMembers(Utf8JsonWriter json, string status, ApiException? error)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", Created);
        json.WriteString("status", status);
        json.WritePropertyName("error");
        if (error is null)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteStartObject();
            json.WriteString("code", error.Code ?? error.Type);
            json.WriteString("message", error.Message);
            json.WriteEndObject();
        }
        json.WritePropertyName("incomplete_details");
        if (status == ResponseItem.Cut)
        {
            json.WriteStartObject();
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }
        json.WriteString("model", Job.Echo);
        json.WriteStartArray("output");
        foreach (ResponseItem item in status == ResponseItem.Running ? [] : items)
        {
            item.Write(json, status == "failed" && item.Index == items.Count - 1 ? ResponseItem.Cut : StatusOf(item), begun: true, WriteScores);
        }
        json.WriteEndArray();
        echo.Write(json);
        if (status == ResponseItem.Running)
        {
            json.WriteNull("usage");
        }
        else
        {
            Usage.WriteForResponse(json);
        }
        json.WriteEndObject();
    }
}
