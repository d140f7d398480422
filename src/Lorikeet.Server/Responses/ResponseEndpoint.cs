using System.Collections.Frozen;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>POST /v1/responses</c>: a chat in other words; nothing is stored.</summary>
internal sealed class ResponseEndpoint(GenerationServices services, ChatEndpoint chat)
{
    public static FrozenSet<string> Names => ResponseFields.Names;

    public async Task AnswerAsync(HttpContext http, Caller caller)
    {
        using Admission.Ticket ticket = services.Admission.Enter(caller);
        using JsonDocument document = await RequestBody.ReadAsync(http, services.Options.Limits);
        Fields body = new(document.RootElement);
        services.Known.Check(body, Names);
        ResponseInput input = new();
        JsonElement asChat = ResponseFields.ToChat(body, input);
        ChatJob job;
        try
        {
            job = await chat.ReadAsync(new Fields(asChat), caller, services.Deadline(http), render: false, http.RequestAborted);
        }
        catch (ApiException e) when (e.Param is { } param)
        {
            throw e.At(ResponseFields.Place(param, input));
        }
        ticket.Charge(job.PromptTokens);
        services.Prepare(http, caller, job.Spec);
        await new ResponseAnswer(services, job, new ResponseEcho(body, job), ticket).SendAsync(http);
    }
}
