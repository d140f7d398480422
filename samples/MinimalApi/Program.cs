// A web application of one's own with an adapter behind a route, and OpenAI's API beside it. Run `./lorikeet demo` first, then: curl "http://127.0.0.1:5000/psalm?begin=The+king"
using Lorikeet.Server;
using Microsoft.Extensions.AI;

string demo = args.Length > 0 ? args[0] : "runs/demo";
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Services.AddLorikeet(o =>
{
    o.Model = $"{demo}/base";
    o.Adapters = [new("psalms", $"{demo}/psalms-lora")];
    o.RequestTemplates = true;
});
WebApplication app = builder.Build();
app.MapLorikeet();
app.MapHealthChecks("/healthz");
app.MapGet("/psalm", (string begin, IChatClient client, CancellationToken stop) => client.GetResponseAsync(
    begin,
    new ChatOptions { ModelId = "psalms", MaxOutputTokens = 48, Temperature = 0.7f, AdditionalProperties = new() { ["chat_template"] = "{{ messages[0].content }}" } },
    stop));
app.Run("http://127.0.0.1:5000");
